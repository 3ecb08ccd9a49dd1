"""GET and LIST of metrics.k8s.io: for the nodes and pods that are selected, what their kubelets measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from navarch.base.errors import not_found
from navarch.schema.types import Tree
from navarch.server.options import list_options, parse_query
from navarch.server.reads import Reads, form_of
from navarch.server.selection import Selection
from navarch.server.served import Resources, Served
from navarch.server.usage.collect import Collector
from navarch.server.usage.samples import API_VERSION, Look, Scrape, node_metrics, pod_metrics
from navarch.store.contract import Index
from navarch.wire.messages import Request, RequestInfo, Response

GROUP: Final = "metrics.k8s.io"
_UNSEEN: Final = Look(Scrape(), Scrape())


class UsageApi:
    """Answers for the two resources of the group."""

    def __init__(self, index: Index, reads: Reads, resources: Resources, collector: Collector) -> None:
        self._index = index
        self._reads = reads
        self._resources = resources
        self._collector = collector

    async def handle(self, request: Request, info: RequestInfo, served: Served) -> Response:
        """Raises: StatusError 400, 404, 406."""
        query = parse_query(request.query)
        if info.verb == "list":
            form = form_of(request, served, many=True)
            options = list_options(query, watch=False)
            selection = Selection(self._measured(served), info.namespace, options)
            selected = await selection.read(self._index)
            trees = await self._trees(served, [e.value for e in selected.entries])
            if form.as_:
                return Response(body=self._reads.render_trees(served, trees, {}, form, query))
            head: Tree = {"kind": f"{served.kind.kind}List", "apiVersion": API_VERSION, "metadata": {}}
            return Response(body=orjson.dumps({**head, "items": trees}))
        form = form_of(request, served)
        entry = self._index.get(self._measured(served).key(info.namespace, info.name))
        found = await self._trees(served, [entry.value]) if entry is not None else []
        if not found:
            raise not_found(served.plural, info.name, served.group)
        return Response(body=self._reads.render_tree(served, found[0], form, query))

    def _measured(self, served: Served) -> Served:
        """The nodes or pods themselves."""
        found = self._resources.find("", "v1", served.plural)
        assert found is not None, "nodes and pods are always served"
        return found

    async def _trees(self, served: Served, values: Sequence[bytes]) -> list[Tree]:
        objects = [orjson.loads(value) for value in values]
        if not served.kind.namespaced:
            looks = await self._collector.look(objects)
            found = [node_metrics(node, looks.get(node["metadata"]["name"], _UNSEEN)) for node in objects]
            return [tree for tree in found if tree is not None]
        running = [pod for pod in objects if (pod.get("status") or {}).get("phase") == "Running"]
        looks = await self._collector.look(self._nodes({pod["spec"].get("nodeName", "") for pod in running}))
        found = [pod_metrics(pod, looks.get(pod["spec"].get("nodeName", ""), _UNSEEN)) for pod in running]
        return [tree for tree in found if tree is not None]

    def _nodes(self, names: set[str]) -> list[Tree]:
        entries = [self._index.get(f"nodes/{name}") for name in sorted(names)]
        return [orjson.loads(entry.value) for entry in entries if entry is not None]
