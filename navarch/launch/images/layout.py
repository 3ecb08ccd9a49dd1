"""An OCI image layout on disk: `blobs/sha256/<hex>` and `index.json`, which names the images.

    index.json: {"manifests": [{"digest": "sha256:…", "annotations":
                 {"io.containerd.image.name": "docker.io/library/nginx:alpine"}}, …]}

Blobs are written before the index that names them, each by rename, so a reader never sees half of one.

Source: OCI image-spec v1.1 (image-layout, manifest, config).
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from navarch.base.files import replace_file

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"

NAME_ANNOTATION = "io.containerd.image.name"
TAG_ANNOTATION = "org.opencontainers.image.ref.name"
EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One name in the layout. `name` is complete: registry host, repository and tag."""

    name: str
    digest: str
    size: int


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layout:
    """A directory that holds images."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def blob_path(self, digest: str) -> Path:
        algorithm, _, encoded = digest.partition(":")
        return self.directory / "blobs" / algorithm / encoded

    def add_blob(self, data: bytes) -> str:
        digest = digest_of(data)
        path = self.blob_path(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, data)
        return digest

    def add_image(
        self, layers: Sequence[tuple[str, bytes]], config: Mapping[str, Any], architecture: str
    ) -> tuple[str, int]:
        """Store one image; `layers` are (digest of the plain tar, compressed tar). Its manifest's digest and size."""
        config_blob = _json(
            {
                "architecture": architecture,
                "os": "linux",
                "created": EPOCH,
                "config": dict(config),
                "rootfs": {"type": "layers", "diff_ids": [plain for plain, _ in layers]},
                "history": [{"created": EPOCH, "created_by": "navarch images"} for _ in layers],
            }
        )
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": {"mediaType": CONFIG_TYPE, "digest": self.add_blob(config_blob), "size": len(config_blob)},
                "layers": [
                    {"mediaType": LAYER_TYPE, "digest": self.add_blob(compressed), "size": len(compressed)}
                    for _, compressed in layers
                ],
            }
        )
        return self.add_blob(manifest), len(manifest)

    def images(self) -> tuple[StoredImage, ...]:
        """What the index names; nothing where there is no index yet."""
        try:
            index = json.loads((self.directory / "index.json").read_bytes())
        except FileNotFoundError:
            return ()
        return tuple(StoredImage(m["annotations"][NAME_ANNOTATION], m["digest"], m["size"]) for m in index["manifests"])

    def write_index(self, images: Sequence[StoredImage]) -> None:
        replace_file(self.directory / "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        replace_file(self.directory / "index.json", _index(images))

    def drop_unnamed_blobs(self) -> None:
        """Delete every blob that no image of the index needs."""
        needed = {digest for image in self.images() for digest in self._blobs_of(image.digest)}
        for path in (self.directory / "blobs" / "sha256").iterdir():
            if f"sha256:{path.name}" not in needed:
                path.unlink()

    def _blobs_of(self, manifest_digest: str) -> list[str]:
        manifest = json.loads(self.blob_path(manifest_digest).read_bytes())
        return [manifest_digest, manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]

    def archive_members(self, images: Sequence[StoredImage]) -> list[tuple[str, bytes]]:
        """(name, content) of a layout that holds just these images."""
        digests = sorted({digest for image in images for digest in self._blobs_of(image.digest)})
        blobs = [(f"blobs/{d.replace(':', '/')}", self.blob_path(d).read_bytes()) for d in digests]
        return [("oci-layout", _json({"imageLayoutVersion": "1.0.0"})), ("index.json", _index(images)), *blobs]


def save(layout: Layout, names: Sequence[str], archive: Path) -> None:
    """Write the named images as one OCI archive, as `ctr images import` takes it. Raises: KeyError."""
    stored = {image.name: image for image in layout.images()}
    with tarfile.open(archive, "w") as tar:
        for name, content in layout.archive_members([stored[name] for name in names]):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def _index(images: Sequence[StoredImage]) -> bytes:
    manifests = [
        {
            "mediaType": MANIFEST_TYPE,
            "digest": image.digest,
            "size": image.size,
            "annotations": {NAME_ANNOTATION: image.name, TAG_ANNOTATION: image.name.rpartition(":")[2]},
        }
        for image in images
    ]
    return _json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests})


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
