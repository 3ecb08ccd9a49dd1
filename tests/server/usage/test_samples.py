"""The use of processor and memory from a kubelet's text."""

from __future__ import annotations

from navarch.server.usage.samples import NODE, Look, Point, Scrape, Use, node_metrics, parse, pod_metrics, use

TEXT = """# HELP container_cpu_usage_seconds_total [STABLE] Processor time
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="app",namespace="default",pod="web"} 4.500000001 1700000000250
container_memory_working_set_bytes{container="app",namespace="default",pod="web"} 1.048576e+06 1700000000250
container_start_time_seconds{container="app",namespace="default",pod="web"} 1.7e+09
container_swap_usage_bytes{container="app",namespace="default",pod="web"} 7 1700000000250
node_cpu_usage_seconds_total 100 1700000000500
node_memory_working_set_bytes 2048 1700000000500
pod_cpu_usage_seconds_total{namespace="default",pod="web"} 4.5 1700000000250
resource_scrape_error 0
"""
WEB = ("default", "web", "app")


def test_points_of_the_node_and_of_containers() -> None:
    scrape = parse(TEXT, 9.0)
    assert dict(scrape.points) == {
        WEB: Point(1700000000.25, 4_500_000_001, 1 << 20, 1.7e9),
        NODE: Point(1700000000.5, 100_000_000_000, 2048),
    }


def test_the_use_between_two_points() -> None:
    before, after = Point(100.0, 10_000_000_000, 1, 50.0), Point(115.0, 11_500_000_000, 2048, 50.0)
    used = use(before, after)
    assert used == Use(115.0, 15.0, 100_000_000, 2048)
    assert used.tree == {"cpu": "100m", "memory": "2Ki"}


def test_a_container_that_is_new_counts_from_its_start() -> None:
    after = Point(110.0, 5_000_000_000, 1, 100.0)
    assert use(None, after) == Use(110.0, 10.0, 500_000_000, 1)
    # It has started again since the first point.
    assert use(Point(95.0, 9_000_000_000, 1, 20.0), after) == Use(110.0, 10.0, 500_000_000, 1)


def test_what_does_not_tell() -> None:
    assert use(None, Point(1000.0, 1, 1, 100.0)) is None, "its start is long ago"
    assert use(None, Point(1000.0, 1, 1)) is None, "a node's start is not known"
    assert use(Point(10.0), Point(10.1, 5)) is None, "too short a time"


def pod(*running: str, waiting: str = "") -> dict[str, object]:
    statuses = [{"name": name, "state": {"running": {}}} for name in running]
    statuses += [{"name": waiting, "state": {"waiting": {}}}] if waiting else []
    metadata = {"name": "web", "namespace": "default", "labels": {"app": "web"}, "uid": "u"}
    return {"metadata": metadata, "status": {"phase": "Running", "containerStatuses": statuses}}


LOOK = Look(
    Scrape(100.0, {WEB: Point(100.0, 0, 1, 50.0), NODE: Point(100.0, 0, 1)}),
    Scrape(115.0, {WEB: Point(115.0, 15_000_000, 1 << 20, 50.0), NODE: Point(115.0, 3_000_000_000, 1 << 20)}),
)


def test_pod_metrics() -> None:
    assert pod_metrics(pod("app", waiting="other"), LOOK) == {
        "kind": "PodMetrics",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {
            "name": "web",
            "namespace": "default",
            "labels": {"app": "web"},
            "creationTimestamp": "1970-01-01T00:01:55Z",
        },
        "timestamp": "1970-01-01T00:01:55Z",
        "window": "15s",
        "containers": [{"name": "app", "usage": {"cpu": "1m", "memory": "1Mi"}}],
    }
    assert pod_metrics(pod("app", "side"), LOOK) is None, "one container is not measured"
    assert pod_metrics(pod(waiting="app"), LOOK) is None


def test_node_metrics() -> None:
    node = {"metadata": {"name": "n"}}
    measured = node_metrics(node, LOOK)
    assert measured is not None and measured["usage"] == {"cpu": "200m", "memory": "1Mi"}
    assert node_metrics(node, Look(Scrape(), Scrape())) is None
