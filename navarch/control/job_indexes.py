"""Sets of completion indexes in their compressed text, and what an indexed Job's pods carry. Pure.

Worked example:
    parse("1,3-5,7") -> {1, 3, 4, 5, 7}; text({1, 3, 4, 5, 7}) -> "1,3-5,7"

Source: batch/v1 `completedIndexes` and `failedIndexes`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from navarch.api.views.pod import Pod
from navarch.schema.types import Tree

INDEX: Final = "batch.kubernetes.io/job-completion-index"
FAILURES: Final = "batch.kubernetes.io/job-index-failure-count"
ENV: Final = "JOB_COMPLETION_INDEX"


def parse(text_: str) -> set[int]:
    out: set[int] = set()
    for part in text_.split(",") if text_ else ():
        first, _, last = part.partition("-")
        out.update(range(int(first), int(last or first) + 1))
    return out


def text(indexes: Collection[int]) -> str:
    """Runs of three or more are written with a dash, of two with a comma."""
    parts: list[str] = []
    run: list[int] = []
    for index in [*sorted(indexes), None]:
        if run and (index is None or index != run[-1] + 1):
            parts.append(str(run[0]) if len(run) == 1 else f"{run[0]}{'-' if len(run) > 2 else ','}{run[-1]}")
            run = []
        if index is not None:
            run.append(index)
    return ",".join(parts)


def index_of(pod: Pod) -> int | None:
    value = pod.metadata.annotations.get(INDEX, "")
    return int(value) if value.isdecimal() else None


def failures_of(pod: Pod) -> int:
    """How often the pod's index had failed before this pod."""
    value = pod.metadata.annotations.get(FAILURES, "0")
    return int(value) if value.isdecimal() else 0


def give_index(tree: Tree, job_name: str, index: int, failures: int | None) -> None:
    """Make a pod tree that of one index: name, host name, label, annotations and environment."""
    metadata = tree["metadata"]
    metadata["generateName"] = f"{job_name}-{index}-"
    metadata["labels"] = {**metadata.get("labels", {}), INDEX: str(index)}
    metadata["annotations"] = {**metadata.get("annotations", {}), INDEX: str(index)}
    if failures is not None:
        metadata["annotations"][FAILURES] = str(failures)
    spec = dict(tree["spec"])
    spec.setdefault("hostname", f"{job_name}-{index}")
    for field in ("initContainers", "containers"):
        if field in spec:
            spec[field] = [_with_env(c) for c in spec[field]]
    tree["spec"] = spec


def _with_env(container: Tree) -> Tree:
    env = container.get("env") or []
    if any(e["name"] == ENV for e in env):
        return container
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    return {**container, "env": [*env, {"name": ENV, "valueFrom": source}]}
