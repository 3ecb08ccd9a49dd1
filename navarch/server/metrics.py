"""/metrics in Prometheus' text format.

Counting a request is one dictionary look-up and three additions; all formatting happens when somebody
reads. Other parts of the server hand in gauges as functions.

Source: metric names, labels and buckets of kube-apiserver.
"""

from __future__ import annotations

import os
import resource
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Final

from navarch.server.discovery import VERSION
from navarch.wire.messages import Request, RequestInfo, Response

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"

#: Upper bounds in seconds of apiserver_request_duration_seconds.
BUCKETS: Final = (
    *(0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0),
    *(3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0),
)

_VERBS = {"create": "POST", "update": "PUT"}
_MUTATING = frozenset({"create", "update", "patch", "delete", "deletecollection"})

#: Label values of one series: verb, group, version, resource, subresource, scope.
Labels = tuple[str, str, str, str, str, str]

#: A metric's samples: (labels in text form or empty, value).
Samples = Callable[[], Iterable[tuple[str, float]]]


class _Series:
    """The requests of one combination of labels."""

    __slots__ = ("buckets", "codes", "total_s")

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.total_s = 0.0


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        self._series: dict[Labels, _Series] = {}
        self._inflight = {"mutating": 0, "readOnly": 0}
        self._gauges: list[tuple[str, str, str, Samples]] = []
        self._indicators: list[tuple[str, str, str, Samples]] = []

    def gauge(self, name: str, help_: str, samples: Samples, type_: str = "gauge") -> None:
        """A metric whose samples are asked for when somebody reads."""
        self._gauges.append((name, help_, type_, samples))

    def indicator(self, name: str, help_: str, samples: Samples, type_: str = "gauge") -> None:
        """A metric of the page of service level indicators."""
        self._indicators.append((name, help_, type_, samples))

    # --- the hot path

    def begin(self, info: RequestInfo) -> None:
        """A request other than a watch has started."""
        self._inflight["mutating" if info.verb in _MUTATING else "readOnly"] += 1

    def end(self, info: RequestInfo, status: int, seconds: float) -> None:
        """A request that `begin` counted has been answered."""
        self._inflight["mutating" if info.verb in _MUTATING else "readOnly"] -= 1
        labels = _labels(info)
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = _Series()
        series.codes[status] = series.codes.get(status, 0) + 1
        series.buckets[bisect_left(BUCKETS, seconds)] += 1
        series.total_s += seconds

    # --- reading

    def answer(self, request: Request) -> Response | None:
        """The answer on /metrics and /metrics/slis, None elsewhere."""
        if request.path == "/metrics":
            return Response(200, self.render().encode(), CONTENT_TYPE)
        if request.path == "/metrics/slis":
            return Response(200, "".join(_families(self._indicators)).encode(), CONTENT_TYPE)
        return None

    def render(self) -> str:
        """Everything, families by name."""
        families = [
            _family("apiserver_request_total", "counter", "Counter of apiserver requests.", self._totals()),
            _family(
                "apiserver_request_duration_seconds",
                "histogram",
                "Response latency distribution in seconds.",
                self._durations("apiserver_request_duration_seconds"),
            ),
            _family(
                "apiserver_request_sli_duration_seconds",
                "histogram",
                "Response latency without the time of webhooks, which is not taken off here.",
                self._durations("apiserver_request_sli_duration_seconds"),
            ),
            _family(
                "apiserver_current_inflight_requests",
                "gauge",
                "Requests being answered.",
                [f'apiserver_current_inflight_requests{{request_kind="{k}"}} {v}' for k, v in self._inflight.items()],
            ),
            _simple("kubernetes_build_info", "gauge", "The release whose API is served.", _build_info),
            *_families(self._gauges),
            *_process(),
        ]
        return "".join(sorted(family for family in families if family))

    def _totals(self) -> list[str]:
        return [
            f'apiserver_request_total{{code="{code}",dry_run="",{_text(labels)}}} {count}'
            for labels, series in sorted(self._series.items())
            for code, count in sorted(series.codes.items())
        ]

    def _durations(self, name: str) -> list[str]:
        lines = []
        for labels, series in sorted(self._series.items()):
            text = f'dry_run="",{_text(labels)}'
            below = 0
            for bound, count in zip((*BUCKETS, None), series.buckets, strict=True):
                below += count
                limit = "+Inf" if bound is None else f"{bound:g}"
                lines.append(f'{name}_bucket{{{text},le="{limit}"}} {below}')
            lines.append(f"{name}_sum{{{text}}} {series.total_s:.9g}")
            lines.append(f"{name}_count{{{text}}} {below}")
        return lines


def _labels(info: RequestInfo) -> Labels:
    verb = _VERBS.get(info.verb) or info.verb.upper()
    if not info.is_resource:
        return (verb, "", "", "", "", "")
    scope = "resource" if info.name else "namespace" if info.namespace else "cluster"
    return (verb, info.group, info.version, info.resource, info.subresource, scope)


def _text(labels: Labels) -> str:
    verb, group, version, plural, subresource, scope = labels
    return (
        f'component="apiserver",group="{group}",resource="{plural}",scope="{scope}",'
        f'subresource="{subresource}",verb="{verb}",version="{version}"'
    )


def watch_labels(group: str, version: str, plural: str, scope: str) -> str:
    """The labels of the watches of one resource."""
    return _text(("WATCH", group, version, plural, "", scope))


def _families(metrics: Iterable[tuple[str, str, str, Samples]]) -> Iterable[str]:
    return (_simple(name, type_, help_, samples) for name, help_, type_, samples in metrics)


def _family(name: str, type_: str, help_: str, lines: Iterable[str]) -> str:
    body = "\n".join(lines)
    return f"# HELP {name} {help_}\n# TYPE {name} {type_}\n{body}\n" if body else ""


def _simple(name: str, type_: str, help_: str, samples: Samples) -> str:
    lines = [f"{name}{{{labels}}} {value:.12g}" if labels else f"{name} {value:.12g}" for labels, value in samples()]
    return _family(name, type_, help_, lines)


def _build_info() -> Iterable[tuple[str, float]]:
    yield f'git_version="{VERSION["gitVersion"]}",major="{VERSION["major"]}",minor="{VERSION["minor"]}"', 1


def _process() -> Iterable[str]:
    """What the operating system knows about this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = usage.ru_utime + usage.ru_stime
    yield _simple("process_cpu_seconds_total", "counter", "CPU time in seconds.", lambda: [("", cpu_s)])
    resident = usage.ru_maxrss * 1024.0
    if os.path.exists("/proc/self/statm"):
        with open("/proc/self/statm") as file:
            resident = float(file.read().split()[1]) * resource.getpagesize()
        open_files = float(len(os.listdir("/proc/self/fd")))
        yield _simple("process_open_fds", "gauge", "Open file descriptors.", lambda: [("", open_files)])
    yield _simple("process_resident_memory_bytes", "gauge", "Resident memory.", lambda: [("", resident)])
