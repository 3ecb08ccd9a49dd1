"""What each image holds. One recipe per image; its names are those that the tutorials use.

The shell is bash, not busybox's: Debian's busybox runs its own applets before those of PATH and drops
environment names such as `data-1`. wget is GNU's for a like reason: `wget -T` of busybox 1.35 crashes.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from navarch.launch.images.elf import pause_program
from navarch.launch.images.layer import Directory, Entry, HostFile, Link, Program, Text

PAUSE = "registry.k8s.io/pause:3.10"
HUB = "docker.io/library"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

BUSYBOX = "/bin/busybox"
#: Applets that something better stands in for.
REPLACED_APPLETS = frozenset({"busybox", "sh", "bash", "wget"})


@dataclass(frozen=True, slots=True)
class Recipe:
    """One image: all its names (the first is the main one), its layers from the lowest up, its OCI config."""

    names: tuple[str, ...]
    layers: tuple[tuple[Entry, ...], ...]
    config: Mapping[str, object] = field(default_factory=dict)


def recipes() -> tuple[Recipe, ...]:
    """Every image. Costs nothing until it is packed, save for asking busybox which applets it has."""
    base = _base_layer()
    server = (base, _nginx_layer())
    return (
        Recipe(
            (PAUSE,),
            ((Text("/pause", pause_program(), 0o755),),),
            {"Entrypoint": ["/pause"], "User": "65535:65535"},
        ),
        Recipe(
            (f"{HUB}/busybox:latest", f"{HUB}/busybox:stable", f"{HUB}/busybox:1.35", f"{HUB}/busybox:1.28"),
            (base,),
            {"Env": [f"PATH={PATH}"], "Cmd": ["sh"]},
        ),
        Recipe(
            (f"{HUB}/nginx:alpine", f"{HUB}/nginx:latest", f"{HUB}/nginx:stable", f"{HUB}/nginx:stable-alpine"),
            (*server, _site(WELCOME_SITE, WELCOME_PAGE)),
            NGINX_CONFIG,
        ),
        Recipe(("docker.io/wilhelmguo/nginx-hello:v1",), (*server, _site(NAMING_SITE)), NGINX_CONFIG),
        Recipe((f"{HUB}/hello-node:v1",), (*server, _site(_hello_site("Hello World!"))), HELLO_CONFIG),
        Recipe((f"{HUB}/hello-node:v2",), (*server, _site(_hello_site("Hello World Again!"))), HELLO_CONFIG),
        Recipe(("registry.k8s.io/hpa-example:latest",), (base, (_busy_page(),)), BUSY_CONFIG),
    )


# --- the base that all but pause share


def _base_layer() -> tuple[Entry, ...]:
    return (
        Program(BUSYBOX, "busybox-static"),
        Program("/bin/bash-static", "bash-static", "/bin/bash"),
        Link("/bin/sh", "bash"),
        Program("/usr/bin/wget", "wget"),
        *(Link(f"/bin/{applet}", "busybox") for applet in busybox_applets()),
        *(Directory(path) for path in ("/dev", "/etc", "/home", "/proc", "/root", "/run", "/sys", "/usr/sbin")),
        *(Directory(path) for path in ("/var/log", "/var/run", "/usr/local/bin")),
        Directory("/tmp", 0o1777),
        Text("/etc/passwd", PASSWD),
        Text("/etc/group", GROUP),
        Text("/etc/nsswitch.conf", "hosts: files dns\n"),
    )


@cache
def busybox_applets() -> tuple[str, ...]:
    """The names that the host's busybox answers to; none where it is not installed."""
    try:
        listed = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(name for name in sorted(re.findall(r"\S+", listed)) if name not in REPLACED_APPLETS)


PASSWD = """\
root:x:0:0:root:/root:/bin/sh
nginx:x:101:101:nginx:/var/cache/nginx:/sbin/nologin
nobody:x:65534:65534:nobody:/:/sbin/nologin
"""
GROUP = """\
root:x:0:
nginx:x:101:
nobody:x:65534:
"""

# --- nginx and what it serves

NGINX_CONFIG: Mapping[str, object] = {
    "Env": [f"PATH={PATH}"],
    "Cmd": ["nginx", "-g", "daemon off;"],
    "ExposedPorts": {"80/tcp": {}},
    "StopSignal": "SIGQUIT",
}
HELLO_CONFIG: Mapping[str, object] = {**NGINX_CONFIG, "ExposedPorts": {"3000/tcp": {}, "8080/tcp": {}}}

NGINX_MAIN = """\
user nginx;
worker_processes 1;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 512; }
http {
  include mime.types;
  default_type application/octet-stream;
  log_format received 'Received request for URL: $request_uri';
  access_log /dev/stdout combined;
  sendfile on;
  keepalive_timeout 65;
  include /etc/nginx/conf.d/*.conf;
}
"""


def _nginx_layer() -> tuple[Entry, ...]:
    return (
        Program("/usr/sbin/nginx", "nginx-light"),
        HostFile("/etc/nginx/mime.types", "nginx-light"),
        Text("/etc/nginx/nginx.conf", NGINX_MAIN),
        Directory("/var/log/nginx"),
        Directory("/var/lib/nginx"),
        Directory("/var/cache/nginx"),
    )


WELCOME_SITE = """\
server {
  listen 80;
  server_name localhost;
  location / { root /usr/share/nginx/html; index index.html; }
}
"""
WELCOME_PAGE = """\
<!DOCTYPE html>
<html><head><title>Welcome to nginx!</title></head>
<body><h1>Welcome to nginx!</h1><p>The web server is installed and working.</p></body></html>
"""

#: Names the pod that answers, so that a reader sees a Service spread its requests.
NAMING_SITE = r"""
server {
  listen 80;
  default_type text/plain;
  add_header Cache-Control no-cache;
  location / {
    return 200 "Server address: $server_addr:$server_port\nServer name: $hostname\nDate: $time_local\nURI: $request_uri\nRequest ID: $request_id\n";
  }
}
"""  # noqa: E501  (nginx has no way to break the string)


def _hello_site(greeting: str) -> str:
    """The tutorial's program: it listens on 8080 as its text says and on 3000 as its code does."""
    return f"""\
server {{
  listen 8080;
  listen 3000;
  access_log /dev/stdout received;
  default_type text/plain;
  location / {{ return 200 "{greeting}"; }}
}}
"""


def _site(site: str, page: str = "") -> tuple[Entry, ...]:
    served = (Text("/usr/share/nginx/html/index.html", page),) if page else ()
    return (Text("/etc/nginx/conf.d/default.conf", site), *served)


# --- a page that takes a while, for autoscalers

BUSY_CONFIG: Mapping[str, object] = {
    "Env": [f"PATH={PATH}"],
    "Cmd": ["httpd", "-f", "-p", "80", "-h", "/var/www"],
    "ExposedPorts": {"80/tcp": {}},
}
#: Half a million divisions: the tutorial's page takes roots, for which busybox's awk is not built.
BUSY_PAGE = r"""#!/bin/sh
printf 'Content-Type: text/html\r\n\r\n'
awk 'BEGIN { for (i = 1; i <= 500000; i++) x += 1 / i }'
printf 'OK!'
"""


def _busy_page() -> Entry:
    """httpd runs it for the root of the site."""
    return Text("/var/www/cgi-bin/index.cgi", BUSY_PAGE, 0o755)
