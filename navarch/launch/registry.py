"""A read-only OCI registry over the image layout, which every node's containerd asks first.

It runs inside the node (127.0.0.1 of its network namespace), started by the node agent's assembly with
`serve`, or alone with `python -m navarch.launch.registry`. What it does not have it answers with 404;
`mirror_config` decides where containerd goes then: on to the image's own registry when that can be
reached, and otherwise nowhere, so that a wrong name reads "not found" and not "no such host".

Source: OCI distribution-spec v1.1 (pull); containerd's hosts.toml.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from navarch.base.files import replace_file
from navarch.launch.images.layout import MANIFEST_TYPE, Layout

PORT = 5000
#: Whose answer tells whether this machine reaches registries at all.
PROBED_REGISTRY = ("registry-1.docker.io", 443)
#: containerd's name for images without a registry in their name.
DEFAULT_NAMESPACE = "docker.io"
CHUNK_BYTES = 1 << 18
MAX_HEAD_BYTES = 16 << 10

_ROUTE = re.compile(r"/v2/(?P<repository>.+)/(?P<what>manifests|blobs)/(?P<reference>[^/]+)")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Say = Callable[[str], None]


# --- containerd's side


def mirror_config(registry_url: str, online: bool, mirrors: tuple[str, ...] = ()) -> str:
    """The `_default/hosts.toml`: every pull goes to this registry, then to `mirrors`, then upstream if `online`."""
    lines = [] if online else [f'server = "{registry_url}"']
    for url in (registry_url, *mirrors):
        lines += [f'[host."{url}"]', '  capabilities = ["pull", "resolve"]']
    return "\n".join(lines) + "\n"


def write_mirror_config(certs_directory: Path, registry_url: str, online: bool, mirrors: tuple[str, ...] = ()) -> None:
    """Put `mirror_config` where containerd looks; it reads the file anew for every pull."""
    target = certs_directory / "_default" / "hosts.toml"
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(target, mirror_config(registry_url, online, mirrors).encode())


def registries_reachable(environment: Mapping[str, str], timeout_s: float = 1.0) -> bool:
    """Whether pulls from public registries stand a chance. A proxy is taken at its word."""
    if environment.get("HTTPS_PROXY") or environment.get("https_proxy"):
        return True
    try:
        with socket.create_connection(PROBED_REGISTRY, timeout_s):
            return True
    except OSError:
        return False


def fallback_notice(online: bool) -> str:
    """What the launcher tells about where images come from."""
    if online:
        return "Images that are not built here come from their own registries"
    return "No image registry can be reached: only the images built on this machine are there"


# --- what is answered


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; `blob` is the digest whose bytes are the body, `body` stands in for small ones."""

    status: str
    content_type: str = "application/json"
    digest: str = ""
    body: bytes = b""


def answer(layout: Layout, method: str, target: str) -> Answer:
    """What the registry says to one request. `target` is the path with its query."""
    if method not in ("GET", "HEAD"):
        return _error("405 Method Not Allowed", "UNSUPPORTED", "this registry is read-only")
    url = urlsplit(target)
    if url.path in ("/v2", "/v2/"):
        return Answer("200 OK", body=b"{}")
    route = _ROUTE.fullmatch(url.path)
    if route is None:
        return _error("404 Not Found", "NAME_UNKNOWN", "no such page")
    namespace = parse_qs(url.query).get("ns", [DEFAULT_NAMESPACE])[0]
    reference = route["reference"]
    if route["what"] == "blobs":
        digest, kind, code = reference, "application/octet-stream", "BLOB_UNKNOWN"
    else:
        digest, kind, code = (
            _resolve(layout, f"{namespace}/{route['repository']}", reference),
            MANIFEST_TYPE,
            "MANIFEST_UNKNOWN",
        )
    if not _DIGEST.fullmatch(digest) or not layout.blob_path(digest).is_file():
        return _error("404 Not Found", code, f"{namespace}/{route['repository']} {reference} is not here")
    return Answer("200 OK", kind, digest)


def _resolve(layout: Layout, repository: str, reference: str) -> str:
    """The manifest's digest, or "". A digest answers only for the repository that has it."""
    for image in layout.images():
        name, _, tag = image.name.rpartition(":")
        if name == repository and reference in (tag, image.digest):
            return image.digest
    return ""


def _error(status: str, code: str, message: str) -> Answer:
    return Answer(status, body=json.dumps({"errors": [{"code": code, "message": message}]}).encode())


# --- the server


async def serve(layout: Layout, host: str = "127.0.0.1", port: int = PORT, say: Say | None = None) -> asyncio.Server:
    """Listen. `say` gets one line for each pull that this registry could not answer."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _exchange(layout, reader, writer, say):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the peer is gone, or no HTTP client
        finally:
            writer.close()

    return await asyncio.start_server(connected, host, port, limit=MAX_HEAD_BYTES)


async def _exchange(
    layout: Layout, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, say: Say | None
) -> bool:
    """One request and its response; whether the connection stays open."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request_line, _, fields = head.partition("\r\n")
    parts = request_line.split(" ")
    if len(parts) != 3:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return False
    method, target, _ = parts
    found = answer(layout, method, target)
    if say is not None and found.status.startswith("404"):
        say(f"registry miss method={method} target={target}")
    await _send(layout, writer, found, with_body=method != "HEAD")
    return "connection: close" not in fields.lower()


async def _send(layout: Layout, writer: asyncio.StreamWriter, found: Answer, with_body: bool) -> None:
    path = layout.blob_path(found.digest) if found.digest else None
    length = path.stat().st_size if path else len(found.body)
    lines = [f"HTTP/1.1 {found.status}", f"Content-Type: {found.content_type}", f"Content-Length: {length}"]
    lines.append("Docker-Distribution-Api-Version: registry/2.0")
    if found.digest:
        lines.append(f"Docker-Content-Digest: {found.digest}")
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    if with_body and path is None:
        writer.write(found.body)
    elif with_body and path is not None:
        with path.open("rb") as blob:
            while chunk := blob.read(CHUNK_BYTES):
                writer.write(chunk)
                await writer.drain()
    await writer.drain()


async def _main(options: argparse.Namespace) -> None:
    server = await serve(
        Layout(Path(options.directory)), options.host, options.port, lambda line: print(line, flush=True)
    )
    async with server:
        await server.serve_forever()


def main() -> None:
    """`python -m navarch.launch.registry DIRECTORY`: serve the layout there until killed."""
    parser = argparse.ArgumentParser(prog="navarch-registry")
    parser.add_argument("directory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=PORT)
    options = parser.parse_args()
    if not os.path.isdir(options.directory):
        parser.error(f"{options.directory} is not a directory")
    asyncio.run(_main(options))


if __name__ == "__main__":
    main()
