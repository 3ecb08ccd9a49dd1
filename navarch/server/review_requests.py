"""POST of the review kinds: decoded like any object, answered, never stored."""

from __future__ import annotations

import orjson

from navarch.base.times import format_time
from navarch.schema import managed_fields
from navarch.schema.decode import stated
from navarch.seams.contract import Clock
from navarch.server import bodies
from navarch.server.objects import Objects
from navarch.server.options import parse_query, write_options
from navarch.server.pipeline import check_place
from navarch.server.reviews import Judges, review
from navarch.server.served import Served
from navarch.wire.messages import Request, RequestInfo, Response


class ReviewRequests:
    """Answers questions about who somebody is and what they may do."""

    def __init__(self, judges: Judges, clock: Clock) -> None:
        self._judges = judges
        self._clock = clock

    async def handle(self, request: Request, info: RequestInfo, served: Served) -> Response:
        """Raises: StatusError 400, 415, 422."""
        write = Objects.write_of(request, info, served, write_options(parse_query(request.query), "CreateOptions"))
        media = bodies.media_type(request.headers.get("content-type", ""))
        tree = bodies.decode(write, request.body, media)
        check_place(write, tree)
        if write.as_asked:
            tree = stated(served.node, tree)
        now = self._clock.now()
        managed_fields.on_update(served.node, None, tree, write.manager, served.api_version, format_time(now))
        review(tree, request.user, info.namespace, self._judges, now)
        return Response(201, orjson.dumps(tree))
