"""ComponentStatus: made anew for each read, never stored. The components live and die with this process.

Source: core/v1 ComponentStatus (deprecated since v1.19; `kubectl get componentstatuses` still asks).
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from navarch.base.errors import not_found
from navarch.schema.types import Tree
from navarch.server.options import parse_query
from navarch.server.reads import Reads, form_of
from navarch.server.served import Served
from navarch.wire.messages import Request, RequestInfo, Response

BUCKET = "componentstatuses"


class ComponentStatuses:
    """GET of the components that run here, by name and together."""

    def __init__(self, components: Sequence[str], reads: Reads) -> None:
        self._trees = {name: _healthy(name) for name in sorted(components)}
        self._reads = reads

    async def handle(self, request: Request, info: RequestInfo, served: Served) -> Response:
        """Raises: StatusError 404, 406."""
        query = parse_query(request.query)
        if info.verb == "list":
            form = form_of(request, served, many=True)
            trees = list(self._trees.values())
            if form.as_:
                return Response(body=self._reads.render_trees(served, trees, {}, form, query))
            return Response(body=orjson.dumps({**_LIST, "items": trees}))
        if info.name not in self._trees:
            raise not_found(served.plural, info.name, served.group)
        return Response(body=self._reads.render_tree(served, self._trees[info.name], form_of(request, served), query))


_LIST: Tree = {"kind": "ComponentStatusList", "apiVersion": "v1", "metadata": {}}


def _healthy(name: str) -> Tree:
    conditions = [{"type": "Healthy", "status": "True", "message": "ok"}]
    return {"kind": "ComponentStatus", "apiVersion": "v1", "metadata": {"name": name}, "conditions": conditions}
