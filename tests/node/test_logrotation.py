"""Logs that grow too large: a new one is begun, and only so many are kept."""

from __future__ import annotations

import asyncio

import pytest

from navarch.node import logrotation
from navarch.node.logrotation import MAX_BYTES, MAX_FILES, older_logs, too_many
from tests.node.cluster import Node, container, pod, simulate


@pytest.mark.parametrize(
    ("older", "gone"),
    [([], []), (list("abcd"), []), (list("abcde"), ["a"]), (list("abcdef"), ["a", "b"])],
)
def test_which_older_ones_go(older: list[str], gone: list[str]) -> None:
    assert list(too_many(older)) == gone


def test_a_large_log_is_set_aside_and_a_small_one_is_left() -> None:
    async def scenario(node: Node) -> None:
        await node.run_pod(pod("web", container("c")))
        await asyncio.sleep(2)
        (status,) = await node.runtime.list_containers()
        line = b"2026-01-01T00:00:01.000000000Z stdout F %s\n"
        for turn in range(MAX_FILES + 3):
            node.host.append(status.log_path, line % b"small")
            await asyncio.sleep(60)
            assert len(older_logs(node.host, status.log_path)) == min(turn, MAX_FILES - 1)
            node.host.append(status.log_path, line % (b"x" * MAX_BYTES))
            await asyncio.sleep(60)
            assert node.host.file_size(status.log_path) == 0
        logrotation.remove_logs(node.host, status.log_path)
        assert not [path for path in node.host.files if path.startswith(status.log_path)]

    simulate(scenario, log_check_s=10.0)
