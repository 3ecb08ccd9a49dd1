"""The versions of a served kind, for who owns which field (`schema/versions.py`).

Conversions by webhooks take a call over the network, while ownership is judged at once. So what is missing is said by
`Unconverted`, fetched by whoever runs the judgement (`judged`), and the judgement begins anew.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from navarch.schema.types import Struct, Tree
from navarch.server.served import Served


class UnconvertedError(Exception):
    """A document that has to be converted first."""

    def __init__(self, document: bytes, target: Served) -> None:
        super().__init__(target.api_version)
        self.document = document
        self.target = target


class FieldVersions:
    """`Versions` of one kind. Conversions leave managedFields aside: nobody owns them."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def _find(self, api_version: str) -> Served | None:
        family = self._served.family or (self._served,)
        return next((each for each in family if each.api_version == api_version), None)

    def node(self, api_version: str) -> Struct | None:
        served = self._find(api_version)
        return None if served is None else served.node

    def convert(self, tree: Tree, source: str, target: str) -> Tree:
        """Raises: UnconvertedError."""
        if source == target:
            return tree
        given, wanted = self._find(source), self._find(target)
        assert given is not None and wanted is not None, "node knows both"
        whole = {**tree, "kind": given.kind.kind, "apiVersion": source}
        whole["metadata"] = {key: value for key, value in tree["metadata"].items() if key != "managedFields"}
        if wanted.conversion is None:
            # The stored form is made in place, and says nothing of the revision.
            found = wanted.tree(given.document(orjson.loads(orjson.dumps(whole))))
            if "resourceVersion" in whole["metadata"]:
                found["metadata"]["resourceVersion"] = whole["metadata"]["resourceVersion"]
            else:
                del found["metadata"]["resourceVersion"]
            return found
        document = given.dump(whole)
        if not wanted.conversion.has(document, wanted):
            raise UnconvertedError(document, wanted)
        return wanted.tree(document)


async def judged(judge: Callable[[], Tree]) -> Tree:
    """The result of what needs converted objects. Raises: StatusError 500 for a conversion that fails."""
    while True:
        try:
            return judge()
        except UnconvertedError as missing:
            await missing.target.ready([missing.document])
