"""Builds the images that are out of date, and only those.

`build.json` beside the layout remembers for every image its recipe's fingerprint and the size and
modification time of each host file that went in. When nothing differs, a build costs some `stat` calls.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from navarch.base.errors import LaunchError
from navarch.base.files import replace_file
from navarch.launch.images.layer import Entry, Packed, missing_packages, pack
from navarch.launch.images.layout import Layout, StoredImage, digest_of
from navarch.launch.images.recipes import BUSYBOX, Recipe, recipes

ARCHITECTURES = {"x86_64": "amd64"}


@dataclass(frozen=True, slots=True)
class Built:
    """What a build left behind: the layout, every name in it, and which of the names are new or changed."""

    layout: Layout
    images: tuple[StoredImage, ...]
    rebuilt: tuple[str, ...]


def build(directory: Path, wanted: Callable[[], tuple[Recipe, ...]] = recipes) -> Built:
    """Bring the images in `directory` up to date. Raises: LaunchError when Debian packages are missing."""
    layout = Layout(directory)
    record = _read_record(directory)
    machine = _architecture()
    fingerprint = _tools_fingerprint()
    if record.get("tools") == fingerprint and _inputs_unchanged(record["inputs"]) and layout.images():
        return Built(layout, layout.images(), ())
    known = wanted()
    _require_packages(known)
    images: list[StoredImage] = []
    packed: dict[tuple[Entry, ...], tuple[str, Packed]] = {}
    for recipe in known:
        for layer in recipe.layers:
            if layer not in packed:
                result = pack(layer)
                packed[layer] = (digest_of(result.tar), result)
        layers = [(packed[layer][0], packed[layer][1].compressed) for layer in recipe.layers]
        digest, size = layout.add_image(layers, recipe.config, machine)
        images.extend(StoredImage(name, digest, size) for name in recipe.names)
    before = set(layout.images())
    layout.write_index(images)
    layout.drop_unnamed_blobs()
    inputs = {path for _, result in packed.values() for path in result.inputs}
    replace_file(directory / "build.json", json.dumps({"tools": fingerprint, "inputs": _stamps(inputs)}).encode())
    rebuilt = tuple(image.name for image in images if image not in before)
    return Built(layout, tuple(images), rebuilt)


def _require_packages(known: tuple[Recipe, ...]) -> None:
    missing = missing_packages(entry for recipe in known for layer in recipe.layers for entry in layer)
    if missing:
        raise LaunchError(
            "HOST_MISSING_PACKAGES",
            f"images cannot be built: {', '.join(missing)} not installed",
            f"apt-get install --no-install-recommends {' '.join(missing)}",
        )


def _architecture() -> str:
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise LaunchError(
            "HOST_ARCHITECTURE",
            f"images can be built on {', '.join(ARCHITECTURES)} only, this machine is {machine}",
            "use images from a registry: start with --registry-mirror",
        )
    return ARCHITECTURES[machine]


def _tools_fingerprint() -> str:
    """Changes when the code of this package changes."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _read_record(directory: Path) -> dict[str, Any]:
    directory.mkdir(parents=True, exist_ok=True)
    try:
        record = json.loads((directory / "build.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _stamps(paths: set[str]) -> dict[str, list[int]]:
    # busybox is an input of every base layer; without it there would be no applets.
    return {path: _stamp(path) for path in sorted({*paths, BUSYBOX})}


def _stamp(path: str) -> list[int]:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return []
    return [found.st_size, found.st_mtime_ns]


def _inputs_unchanged(stamps: Mapping[str, list[int]]) -> bool:
    return all(_stamp(path) == stamp for path, stamp in stamps.items())
