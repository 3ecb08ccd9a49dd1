"""Strategic merge patch: applying one, along the type's merge keys and strategies.

A patch merges objects key by key; null deletes. Lists replace, unless their field has the patch
strategy "merge": then elements are matched by the field's merge key, or, for scalars, united.
Directives in the patch say more:

    "$patch": "replace" | "delete"              of an object, or of an element of a merged list
    "$deleteFromPrimitiveList/finalizers": []   scalars to take out of a merged list
    "$setElementOrder/containers": []           the order of a merged list, by merge keys
    "$retainKeys": []                           all other keys of the object go

`strategic_diff.py` makes such patches. Nothing that is handed in is changed.

Source: apimachinery `util/strategicpatch` (order of elements, texts of errors).
"""

from __future__ import annotations

from typing import Any, Final

from navarch.base.errors import StatusError
from navarch.schema.strategic_lists import follows, identity, ordered, unique, without
from navarch.schema.types import Field, List, Map, Node, Struct, Tree

DIRECTIVE: Final = "$patch"
RETAIN_KEYS: Final = "$retainKeys"
DELETE_FROM_PRIMITIVES: Final = "$deleteFromPrimitiveList/"
SET_ELEMENT_ORDER: Final = "$setElementOrder/"


def merge(node: Node, current: Tree, patch: Tree, *, plain: bool = False) -> Tree:
    """The object `current` after the patch. `plain`: the patch holds no directives and no nulls.

    Raises: StatusError 500, which is what a Kubernetes server makes of a malformed patch.
    """
    return Merger(parallel=True, plain=plain).object(node, current, patch)


def patch_error(message: str) -> StatusError:
    return StatusError(500, "", message)


def field_of(node: Node | None, name: str) -> Field | None:
    """The declaration of an object's field; the values of a map count as fields without strategy."""
    if isinstance(node, Struct):
        return node.fields.get(name)
    return Field(node.value) if isinstance(node, Map) else None


def strategy_of(field: Field | None) -> tuple[str, bool]:
    """The strategy (merge, replace or none) and whether retainKeys goes with it."""
    parts = field.patch_strategy.split(",") if field is not None else []
    return next((p for p in parts if p in ("merge", "replace")), ""), "retainKeys" in parts


def item_of(field: Field | None) -> Node | None:
    node = field.node if field is not None else None
    return node.item if isinstance(node, List) else None


class Merger:
    """Merges a patch into an object or, not `parallel`, into another patch, whose directives it keeps."""

    def __init__(self, *, parallel: bool, plain: bool = False) -> None:
        self._parallel = parallel
        self._plain = plain
        #: Whether new values may hold directives and nulls that the object shall not.
        self._strips = parallel and not plain

    def object(self, node: Node | None, current: Tree, patch: Tree) -> Tree:
        if DIRECTIVE in patch:
            return _replaced(patch)
        out = dict(current)
        if not self._plain:
            patch = dict(patch)
            self._retain_keys(out, patch)
            self._set_element_orders(node, out, patch)
        for key, value in patch.items():
            if key.startswith(DELETE_FROM_PRIMITIVES):
                self._delete_primitives(out, key, value)
            elif value is None:
                out.pop(key, None)
                if not self._parallel:
                    out[key] = None
            elif key not in out:
                out[key] = without_directives(value) if self._strips else value
            else:
                out[key] = self._value(field_of(node, key), out[key], value)
        return out

    def _value(self, field: Field | None, current: Any, value: Any) -> Any:
        strategy, _ = strategy_of(field)
        if isinstance(value, dict) and isinstance(current, dict):
            if strategy == "replace":
                return value
            return self.object(field.node if field is not None else None, current, value)
        if isinstance(value, list) and isinstance(current, list) and strategy == "merge" and field is not None:
            return self._list(field, current, value)
        return without_directives(value) if self._strips else value

    def _list(self, field: Field, current: list[Any], patch: list[Any]) -> list[Any]:
        if not current and not patch:
            return current
        if not isinstance((current or patch)[0], dict):
            merged = unique([*current, *patch])
            return ordered(merged, patch, current, "")
        key = field.patch_merge_key
        if not key:
            raise patch_error(f"cannot merge lists without merge key for {_name(item_of(field))}")
        current, patch, replace = _special_elements(current, patch, key)
        if replace:
            return patch
        merged = list(current)
        known = {identity(item, key): at for at, item in reversed([*enumerate(current)]) if isinstance(item, dict)}
        for element in patch:
            at = known.setdefault(identity(_merge_value(element, key), ""), len(merged))
            if at == len(merged):
                merged.append(without_directives(element) if self._strips else element)
            else:
                merged[at] = self.object(item_of(field), merged[at], element)
        return ordered(merged, patch, current, key)

    def _delete_primitives(self, out: Tree, key: str, values: Any) -> None:
        if not self._parallel:
            out[key] = values
            return
        name = key[len(DELETE_FROM_PRIMITIVES) :]
        if not isinstance(values, list):
            raise patch_error("invalid patch format of primitive list")
        if isinstance(out.get(name), list):
            out[name] = without(out[name], values)

    def _retain_keys(self, out: Tree, patch: Tree) -> None:
        if RETAIN_KEYS not in patch:
            return
        keep = patch.pop(RETAIN_KEYS)
        if not isinstance(keep, list):
            raise patch_error("invalid patch format of retainKeys")
        kept = {key for key in keep if isinstance(key, str)}
        for key, value in patch.items():
            if value is not None and not key.startswith("$") and key not in kept:
                raise patch_error("invalid patch format of retainKeys")
        if not self._parallel:
            out[RETAIN_KEYS] = keep
            return
        for key in [key for key in out if key not in kept]:
            del out[key]

    def _set_element_orders(self, node: Node | None, out: Tree, patch: Tree) -> None:
        """Merge and sort the lists that have an order; they are done then and leave the patch."""
        for directive in [key for key in patch if key.startswith(SET_ELEMENT_ORDER)]:
            order = patch.pop(directive)
            name = directive[len(SET_ELEMENT_ORDER) :]
            if not isinstance(order, list):
                raise patch_error("invalid patch format of setElementOrder list")
            if not self._parallel:
                out[directive] = order
            field = field_of(node, name)
            key = field.patch_merge_key if field is not None else ""
            current, changes = out.get(name), patch.pop(name, None)
            _check_order(changes, order, key)
            if isinstance(current, list) and isinstance(changes, list):
                merged = self._value(field, current, changes)
            elif isinstance(current, list):
                merged = current
            elif isinstance(changes, list):
                merged = without_directives(changes) if self._strips else changes
            else:
                continue
            out[name] = ordered(merged, order, current if isinstance(current, list) else [], key)


def without_directives(value: Any) -> Any:
    """A new value as the patch gives it, without directives and nulls."""
    if isinstance(value, dict):
        return {k: without_directives(v) for k, v in value.items() if v is not None and not _is_directive(k)}
    if isinstance(value, list):
        return [without_directives(v) for v in value if not (isinstance(v, dict) and DIRECTIVE in v)]
    return value


def _is_directive(key: str) -> bool:
    return key in (DIRECTIVE, RETAIN_KEYS) or key.startswith((DELETE_FROM_PRIMITIVES, SET_ELEMENT_ORDER))


def _replaced(patch: Tree) -> Tree:
    if patch[DIRECTIVE] == "replace":
        return {key: value for key, value in patch.items() if key != DIRECTIVE}
    if patch[DIRECTIVE] == "delete":
        return {}
    raise patch_error(f"unknown patch type: {patch[DIRECTIVE]} in map: {go_text(patch)}")


def _special_elements(current: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any], bool]:
    """Carry out the elements that hold a directive; the others, and whether they replace the list."""
    plain, deleted, replace = [], [], False
    for element in patch:
        if not isinstance(element, dict):
            raise patch_error("invalid typeless type of slice elements")
        directive = element.get(DIRECTIVE)
        if directive is None:
            plain.append(element)
        elif directive == "delete":
            deleted.append(_merge_value(element, key))
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise patch_error("merging lists cannot yet be specified in the patch")
        else:
            raise patch_error(f"unknown patch type: {directive} in map: {go_text(element)}")
    return without(current, deleted, key) if deleted else current, plain, replace


def _merge_value(element: Any, key: str) -> Any:
    if not isinstance(element, dict) or key not in element:
        raise patch_error(f"map: {go_text(element)} does not contain declared merge key: {key}")
    return element[key]


def _check_order(changes: Any, order: list[Any], key: str) -> None:
    """The patched elements must stand in the order list, in the same order."""
    if not isinstance(changes, list):
        return
    plain = [item for item in changes if not (isinstance(item, dict) and DIRECTIVE in item)]
    if not follows(plain, order, key):
        raise patch_error(
            f"The order in patch list:\n{go_text(changes)}\n doesn't match "
            f"{SET_ELEMENT_ORDER.rstrip('/')} list:\n{go_text(order)}\n"
        )


def _name(node: Node | None) -> str:
    return node.name.rpartition(".")[2] if isinstance(node, Struct) else ""


def go_text(value: Any) -> str:
    """A JSON value as Go's %v prints it."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_text, value)) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
