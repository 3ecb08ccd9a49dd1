"""The read-only registry: what it answers, and how containerd is pointed at it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from navarch.launch.images.layout import Layout, StoredImage, digest_of
from navarch.launch.registry import answer, fallback_notice, mirror_config, serve, write_mirror_config

NAME = "docker.io/library/nginx"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    digest, size = layout.add_image([(digest_of(b"tar"), b"layer bytes")], {"Cmd": ["nginx"]}, "amd64")
    layout.write_index([StoredImage(f"{NAME}:alpine", digest, size), StoredImage("quay.io/o/r:v1", digest, size)])
    return layout


def digest(layout: Layout) -> str:
    return layout.images()[0].digest


@pytest.mark.parametrize(
    "target",
    [
        "/v2/library/nginx/manifests/alpine?ns=docker.io",
        "/v2/library/nginx/manifests/alpine",
        "/v2/library/nginx/manifests/DIGEST?ns=docker.io",
        "/v2/o/r/manifests/v1?ns=quay.io",
        "/v2/library/nginx/blobs/DIGEST?ns=docker.io",
    ],
)
def test_what_is_there_is_found(layout: Layout, target: str) -> None:
    found = answer(layout, "HEAD", target.replace("DIGEST", digest(layout)))
    assert (found.status, found.digest) == ("200 OK", digest(layout))


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/v2/library/nginx/manifests/nosuch?ns=docker.io", "MANIFEST_UNKNOWN"),
        ("/v2/library/nginx/manifests/alpine?ns=quay.io", "MANIFEST_UNKNOWN"),
        ("/v2/other/manifests/DIGEST?ns=docker.io", "MANIFEST_UNKNOWN"),
        ("/v2/library/nginx/blobs/sha256:" + "0" * 64, "BLOB_UNKNOWN"),
        ("/v2/library/nginx/blobs/sha256:..%2f..%2findex.json", "BLOB_UNKNOWN"),
        ("/v2/library/nginx/blobs/..", "BLOB_UNKNOWN"),
        ("/v2/library/nginx/tags/list", "NAME_UNKNOWN"),
        ("/", "NAME_UNKNOWN"),
    ],
)
def test_what_is_not_there_is_a_clean_404(layout: Layout, target: str, code: str) -> None:
    found = answer(layout, "GET", target.replace("DIGEST", digest(layout)))
    assert found.status == "404 Not Found"
    assert json.loads(found.body)["errors"][0]["code"] == code


def test_it_is_read_only(layout: Layout) -> None:
    assert answer(layout, "POST", "/v2/library/nginx/blobs/uploads/").status.startswith("405")


@pytest.fixture
async def port(layout: Layout) -> AsyncIterator[int]:
    server = await serve(layout, port=0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def exchange(port: int, *requests: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        writer.write(f"{request}\r\nHost: x\r\n\r\n".encode())
    writer.write_eof()
    answered = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answered


async def test_one_connection_carries_several_requests(layout: Layout, port: int) -> None:
    manifest = layout.blob_path(digest(layout)).read_bytes()
    layer = json.loads(manifest)["layers"][0]["digest"]
    answered = await exchange(
        port,
        "GET /v2/ HTTP/1.1",
        "HEAD /v2/library/nginx/manifests/alpine HTTP/1.1",
        f"GET /v2/x/blobs/{layer} HTTP/1.1",
    )
    ping, head, blob = answered.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert ping.endswith(b"\r\n\r\n{}")
    assert f"Docker-Content-Digest: {digest(layout)}\r\n".encode() in head
    assert f"Content-Length: {len(manifest)}\r\n".encode() in head and head.endswith(b"\r\n\r\n")
    assert blob.endswith(b"\r\n\r\nlayer bytes")


async def test_nonsense_is_refused_and_the_server_lives_on(port: int) -> None:
    assert (await exchange(port, "nonsense")).startswith(b"HTTP/1.1 400 ")
    assert (await exchange(port, "GET /v2/ HTTP/1.1")).startswith(b"HTTP/1.1 200 ")


def test_offline_the_registry_is_the_last_resort(tmp_path: Path) -> None:
    offline = mirror_config("http://127.0.0.1:5000", online=False, mirrors=("https://m.example",))
    assert offline.splitlines() == [
        'server = "http://127.0.0.1:5000"',
        '[host."http://127.0.0.1:5000"]',
        '  capabilities = ["pull", "resolve"]',
        '[host."https://m.example"]',
        '  capabilities = ["pull", "resolve"]',
    ]
    online = mirror_config("http://127.0.0.1:5000", online=True)
    assert "server" not in online
    write_mirror_config(tmp_path, "http://127.0.0.1:5000", online=True)
    assert (tmp_path / "_default" / "hosts.toml").read_text() == online


def test_what_falls_back_is_said() -> None:
    assert fallback_notice(True) != fallback_notice(False)
