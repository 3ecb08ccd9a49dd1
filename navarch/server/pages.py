"""What a server answers beside its resources: discovery, OpenAPI, health, metrics, settings, the token issuer.

    pages = Pages(kinds, "192.0.2.1:6443", tokens, ZPages(clock, flags))
    response = pages.answer(request)

Documents are made when they are first asked for: a server in a test that nobody asks pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

from navarch.api.kind import Kind
from navarch.schema import prose
from navarch.server.aggregation import Offer
from navarch.server.authn.oidc import DOCUMENT_PATH, KEYS_PATH, IssuerDiscovery
from navarch.server.authn.tokens import ServiceAccountTokens
from navarch.server.discovery import Discovery
from navarch.server.health import Health
from navarch.server.metrics import Metrics
from navarch.server.openapi import CustomSchemas, OpenApi
from navarch.server.router import AnswerPath, answer_path
from navarch.server.stages import Progress
from navarch.server.zpages import ZPages
from navarch.wire.messages import Request, Response

_PATHS: Final = (
    "/flagz",
    "/metrics",
    "/metrics/slis",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/",
    "/statusz",
    "/version",
)


class Pages:
    """`address` is `host:port` as clients reach the server. `metrics` and `progress` are for the server to feed."""

    def __init__(
        self, kinds: Iterable[Kind], address: str, tokens: ServiceAccountTokens | None, zpages: ZPages
    ) -> None:
        self.health = Health()
        self.progress = Progress(self.health)
        self.metrics = Metrics()
        indicator, help_ = self.metrics.indicator, "[STABLE] This metric records the result"
        indicator("kubernetes_healthcheck", f"{help_} of a single healthcheck.", self.health.results)
        indicator("kubernetes_healthchecks_total", f"{help_}s of all healthcheck.", self.health.counts, "counter")
        self._zpages = zpages
        self._kinds = tuple(kinds)
        self._custom: CustomSchemas = {}
        self._offers: tuple[Offer, ...] = ()
        self._address = address
        self._tokens = tokens

    def set_kinds(self, kinds: Iterable[Kind], custom: CustomSchemas, offers: Sequence[Offer] = ()) -> None:
        """The kinds that are served from now on, the schemas of those without a built-in type, and what
        aggregated servers serve."""
        self._kinds, self._custom, self._offers = tuple(kinds), custom, tuple(offers)
        for made in ("discovery", "openapi"):
            self.__dict__.pop(made, None)

    def answer(self, request: Request) -> Response:
        """Raises: StatusError."""
        return answer_path(request, self._answers)

    @cached_property
    def discovery(self) -> Discovery:
        issuer = (DOCUMENT_PATH, KEYS_PATH) if self._tokens is not None else ()
        return Discovery(self._kinds, self._address, (*self.health.paths, *_PATHS, *issuer), self._offers)

    @cached_property
    def openapi(self) -> OpenApi:
        return OpenApi(self._kinds, self._custom, self._offers, prose.installed())

    @cached_property
    def _issuer(self) -> tuple[AnswerPath, ...]:
        return (IssuerDiscovery(self._tokens, f"https://{self._address}").answer,) if self._tokens is not None else ()

    @cached_property
    def _answers(self) -> tuple[AnswerPath, ...]:
        # Health first: it must answer whatever else is wrong, and is asked most often.
        asked = (self.health.answer, self.metrics.answer, lambda r: self.discovery.answer(r))
        return (*asked, lambda r: self.openapi.answer(r), self._zpages.answer, *self._issuer)
