"""Ingresses as the configuration of an nginx. Pure: what is served where in, text out.

    http://hello-world.example/v2  ->  server_name hello-world.example;
                                       location /v2/ { proxy_pass http://10.96.3.4:8080; }

Requests go to the Service's own address, and the nodes' proxies spread them: pods that come and go change nothing
here. Of two rules for one path of one host the older Ingress's holds. What no rule concerns is answered with 404.

Source: Ingress documentation (path types, precedence); ingress-nginx (annotations, the redirect to https, 404 and 503).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

#: Where the controller's pod has its configuration and its certificates.
PLACE: Final = "/etc/ingress"
#: Other characters could mean something to nginx.
_PATH: Final = re.compile(r"[A-Za-z0-9/_.~%+:@!&'()*,=|?\[\]^$-]*")
_HOST: Final = re.compile(r"(\*\.)?[a-z0-9.-]+|")


@dataclass(frozen=True, slots=True)
class Route:
    """One path of one host. `target` is `address:port`, empty where nothing serves it. `rewrite` replaces what
    the path, a regular expression then, has matched."""

    host: str
    path: str
    type: str
    target: str
    rewrite: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """All of one host (empty: all others). `certificate` names files of the pod; with it, plain requests are sent to
    https if `redirect`."""

    routes: tuple[Route, ...] = ()
    certificate: str = ""
    redirect: bool = True


def is_safe(route: Route) -> bool:
    """Whether its texts mean to nginx what they mean in an Ingress."""
    return bool(_PATH.fullmatch(route.path) and _PATH.fullmatch(route.rewrite) and _HOST.fullmatch(route.host))


def configuration(sites: Mapping[str, Site]) -> str:
    """nginx.conf."""
    servers = [_server(host, sites[host]) for host in sorted(sites) if host]
    return _HEAD + "".join([_server("", sites.get("", Site())), *servers]) + "}\n"


_HEAD: Final = f"""\
user nginx;
worker_processes 1;
error_log /dev/stderr warn;
pid /run/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log /dev/stdout combined;
  server_tokens off;
  server_names_hash_bucket_size 128;
  client_max_body_size 1m;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_set_header X-Request-ID $request_id;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Forwarded-Port $server_port;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Scheme $scheme;
  proxy_set_header X-Scheme $scheme;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_certificate {PLACE}/tls/default.crt;
  ssl_certificate_key {PLACE}/tls/default.key;
"""


def _server(host: str, site: Site) -> str:
    default = "" if host else " default_server"
    lines = [f"listen 80{default};", f"listen 443 ssl{default};", f"server_name {host or '_'};"]
    if site.certificate:
        lines.append(f"ssl_certificate {PLACE}/tls/{site.certificate}.crt;")
        lines.append(f"ssl_certificate_key {PLACE}/tls/{site.certificate}.key;")
        if site.redirect:
            lines.append("if ($scheme = http) { return 308 https://$host$request_uri; }")
    if not host:
        lines.append("location = /healthz { access_log off; return 200; }")
    locations = dict(_locations(site.routes))
    locations.setdefault("/", 'default_type text/plain; return 404 "default backend - 404";')
    lines += [f"location {where} {{ {what} }}" for where, what in locations.items()]
    return "  server {\n" + "".join(f"    {line}\n" for line in lines) + "  }\n"


def _locations(routes: Iterable[Route]) -> Iterator[tuple[str, str]]:
    """(location, contents); the first of each location counts."""
    seen: set[str] = set()
    for route in _by_weight(routes):
        for where in _places(route):
            if where not in seen:
                seen.add(where)
                yield where, _contents(route)


def _by_weight(routes: Iterable[Route]) -> list[Route]:
    """Longer paths first, which matters to regular expressions alone: nginx tries them in order."""
    return sorted(routes, key=lambda route: -len(route.path))


def _places(route: Route) -> tuple[str, ...]:
    path = route.path or "/"
    if route.rewrite:
        return (f'~* "^{path}"',)
    if route.type == "Exact":
        return (f'= "{path}"',)
    bare = path.rstrip("/")
    if not bare:
        return ("/",)
    return (f'"{path}"',) if route.type != "Prefix" else (f'= "{bare}"', f'"{bare}/"')


def _contents(route: Route) -> str:
    if not route.target:
        return "return 503;"
    rewrite = f'rewrite "(?i){route.path or "/"}" {route.rewrite} break; ' if route.rewrite else ""
    return f"{rewrite}proxy_pass http://{route.target};"
