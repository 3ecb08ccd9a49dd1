"""From a directory with a kustomization to the objects that it describes.

A kustomization collects the objects of its resources (files, or directories with kustomizations of their own),
makes some, patches them, and changes all of them. Its components do the same to what has been collected.

Source: kustomize (order of the steps, error texts, legacy order of the output).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from navarch.base.yaml import YamlError, load, load_all
from navarch.cli.errors import CliError
from navarch.cli.kustomize import generate, patches, references, replacements, transform
from navarch.cli.kustomize.item import CLUSTER_KINDS, Item
from navarch.schema.types import Tree

Warn = Callable[[str], None]

FILES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_KNOWN: Final = frozenset(
    (
        "apiVersion", "kind", "metadata", "resources", "bases", "components", "namespace", "namePrefix", "nameSuffix",
        "commonLabels", "labels", "commonAnnotations", "images", "replicas", "configMapGenerator", "secretGenerator",
        "generatorOptions", "patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "sortOptions",
        "buildMetadata",
    )
)  # fmt: skip
_HELM: Final = frozenset(("helmCharts", "helmChartInflationGenerator", "helmGlobals"))
_HELM_ADVICE: Final = (
    "\nhint: charts are not rendered here; write what `helm template` prints to a file and list it under resources"
)
_DEPRECATED: Final = {
    "bases": "resources",
    "commonLabels": "labels",
    "patchesStrategicMerge": "patches",
    "patchesJson6902": "patches",
}
_FIRST: Final = (
    "Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount", "Role", "ClusterRole",
    "RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service", "LimitRange", "PriorityClass",
    "PersistentVolume", "PersistentVolumeClaim", "Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget",
)  # fmt: skip
_LAST: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def build(directory: str, warn: Warn, *, anywhere: bool = False) -> list[Tree]:
    """The objects, in the order in which they can be created. `anywhere`: files may lie outside of the directory.

    Raises: CliError.
    """
    if not os.path.isdir(directory):
        raise CliError(f"must build at directory: not a valid directory: {_not_there(directory)}")
    root = _Layer(os.path.realpath(directory), warn, anywhere)
    items = root.apply([])
    _rename(items, lambda: _add_hashes(items))
    if (root.kustomization.get("sortOptions") or {}).get("order") != "fifo":
        items.sort(key=_rank)
    return [item.tree for item in items]


def _not_there(path: str) -> str:
    return f"evalsymlink failure on '{path}' : lstat {path}: no such file or directory"


def _add_hashes(items: list[Item]) -> None:
    for item in items:
        if item.hashed:
            item.rename(f"{item.name}-{generate.hash_of(item)}")


def _rank(item: Item) -> tuple[int, str, str, str]:
    """Source: kustomize's legacy order: what others need first, hooks on admission last."""
    place = _FIRST.index(item.kind) if item.kind in _FIRST else len(_FIRST) + (item.kind in _LAST)
    return place, item.kind if place >= len(_FIRST) else "", item.namespace, item.name


def _rename(items: list[Item], change: Callable[[], None]) -> None:
    """Change names, and what calls the objects by them."""
    before = [(item.kind, "" if item.kind in CLUSTER_KINDS else item.namespace, item.name) for item in items]
    change()
    renamed: references.Renamed = {}
    for item, (kind, namespace, name) in zip(items, before, strict=True):
        if item.name != name:
            renamed.setdefault((kind, namespace), {})[name] = item.name
    references.update(items, renamed)


class _Layer:
    """One kustomization and its directory."""

    def __init__(self, directory: str, warn: Warn, anywhere: bool, above: tuple[str, ...] = ()) -> None:
        if directory in above:
            raise CliError(f"cycle detected: candidate root '{directory}' contains visited root")
        self._directory = directory
        self._warn = warn
        self._anywhere = anywhere
        self._above = (*above, directory)
        self.kustomization = self._read_kustomization()

    def _read_kustomization(self) -> Tree:
        found = [name for name in FILES if os.path.isfile(os.path.join(self._directory, name))]
        if not found:
            raise CliError(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory "
                f"'{self._directory}'"
            )
        if len(found) > 1:
            raise CliError(f"Found multiple kustomization files under: {self._directory}")
        tree = load(self._read(found[0])) or {}
        if not isinstance(tree, dict):
            raise CliError(f"invalid Kustomization: {self._directory}/{found[0]} is no map")
        for name in _HELM & tree.keys():
            raise CliError(f"{self._directory}: {name}: must specify --enable-helm{_HELM_ADVICE}")
        for name in tree:
            if name not in _KNOWN:
                raise CliError(f'invalid Kustomization: field "{name}" of {self._directory} is not supported')
        for old, new in _DEPRECATED.items():
            if old in tree:
                self._warn(
                    f"# Warning: '{old}' is deprecated. Please use '{new}' instead. Run 'kustomize edit fix' to "
                    "update your Kustomization automatically."
                )
        return tree

    def _read(self, name: str) -> bytes:
        """A file at or below the directory. Raises: CliError."""
        path = os.path.realpath(os.path.join(self._directory, name))
        if not self._anywhere and os.path.commonpath((path, self._directory)) != self._directory:
            raise CliError(f"security; file '{path}' is not in or below '{self._directory}'")
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            raise CliError(f"open {path}: {(error.strerror or str(error)).lower()}") from error

    def _list(self, name: str) -> list[Any]:
        found = self.kustomization.get(name) or []
        if not isinstance(found, list):
            raise CliError(f"invalid Kustomization: {name} of {self._directory} is no list")
        return found

    def apply(self, items: list[Item]) -> list[Item]:
        """The objects collected so far, with those of this kustomization, changed as it says."""
        for name in (*self._list("resources"), *self._list("bases")):
            items = items + self._resource(name)
        items = self._generate(items)
        for name in self._list("components"):
            items = self._below(name).apply(items)
        items = self._patch(items)
        self._transform(items)
        return items

    def _resource(self, name: str) -> list[Item]:
        if name.startswith(("http://", "https://", "git@", "github.com/")):
            raise CliError(f"accumulating resources from '{name}': only local files and directories can be read")
        if os.path.isdir(os.path.join(self._directory, name)):
            return self._below(name).apply([])
        try:
            found = [tree for tree in load_all(self._read(name)) if tree is not None]
        except (CliError, YamlError) as error:
            raise CliError(f"accumulating resources: accumulating resources from '{name}': {error}") from error
        lists = [tree["items"] if str(tree.get("kind", "")).endswith("List") else [tree] for tree in found]
        return [Item(tree) for trees in lists for tree in trees]

    def _below(self, name: str) -> _Layer:
        path = os.path.join(self._directory, name)
        if not os.path.isdir(path):
            raise CliError(f"accumulating components: must build at directory: {_not_there(path)}")
        return _Layer(os.path.realpath(path), self._warn, self._anywhere, self._above)

    def _generate(self, items: list[Item]) -> list[Item]:
        options = self.kustomization.get("generatorOptions") or {}
        for field, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
            for entry in self._list(field):
                items = _with_generated(
                    items, generate.generated(kind, entry, options, self._read), entry.get("behavior", "create")
                )
        return items

    def _patch(self, items: list[Item]) -> list[Item]:
        for entry in self._list("patchesStrategicMerge"):
            inline = "\n" in entry
            items = patches.apply(items, {"patch": entry} if inline else {"path": entry}, self._read)
        for entry in (*self._list("patches"), *self._list("patchesJson6902")):
            items = patches.apply(items, entry, self._read)
        return items

    def _transform(self, items: list[Item]) -> None:
        wish = self.kustomization
        if wish.get("namespace"):
            transform.set_namespace(items, wish["namespace"])
        if wish.get("namePrefix") or wish.get("nameSuffix"):
            _rename(items, lambda: transform.affix(items, wish.get("namePrefix", ""), wish.get("nameSuffix", "")))
        for item in items:
            if wish.get("commonLabels"):
                transform.add_labels(item, wish["commonLabels"], selectors=True, in_templates=True)
            for entry in self._list("labels"):
                selectors, in_templates = bool(entry.get("includeSelectors")), bool(entry.get("includeTemplates"))
                transform.add_labels(item, entry.get("pairs") or {}, selectors=selectors, in_templates=in_templates)
            if wish.get("commonAnnotations"):
                transform.add_annotations(item, wish["commonAnnotations"])
            transform.set_images(item, self._list("images"))
        for entry in self._list("replicas"):
            if not transform.set_replicas(items, entry):
                raise CliError(f"resource with name {entry.get('name')} does not match a config with the following GVK")
        for entry in self._list("replacements"):
            _rename(items, partial(replacements.apply, items, entry, self._read))


def _with_generated(items: list[Item], new: Item, behavior: str) -> list[Item]:
    """Raises: CliError if the object should be there and is not, or the other way round."""
    same = next((i for i, item in enumerate(items) if item.kind == new.kind and new.name in item.names), None)
    if behavior == "create":
        if same is not None:
            raise CliError(f"may not add resource with an already registered id: {new.kind}.v1.[noGrp]/{new.name}")
        return [*items, new]
    if behavior not in ("merge", "replace"):
        raise CliError(f"unknown behavior: {behavior}")
    if same is None:
        raise CliError(f"id {new.kind}.v1.[noGrp]/{new.name} does not exist; cannot {behavior}")
    return [*items[:same], generate.combined(items[same], new, behavior), *items[same + 1 :]]
