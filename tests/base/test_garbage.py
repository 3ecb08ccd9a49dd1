"""What the collector looks at: pure decisions, and one process that carries them out."""

from __future__ import annotations

import subprocess
import sys

from navarch.base.garbage import THAW_LIMIT, Policy

CHILD = """
import gc
from navarch.base import garbage

class Node:
    pass

def cycle():
    node = Node()
    node.itself = node
    return node

garbage.begin()
keep = [cycle() for _ in range(1000)]
garbage.settle()
frozen = gc.get_freeze_count()
assert frozen > 1000 and len(gc.get_objects()) < 100, len(gc.get_objects())

late = [cycle() for _ in range(2000)]
gc.collect()
assert gc.get_freeze_count() >= frozen + 2000

# A frozen object goes with its last user, a frozen cycle stays until all is thawed.
del late
gc.collect()
assert gc.get_freeze_count() >= frozen + 2000
more = [cycle() for _ in range(frozen)]
gc.collect()
gc.collect()
assert gc.get_freeze_count() < 2 * frozen + 1000, (gc.get_freeze_count(), frozen)
print("ok")
"""


def test_the_frozen_are_thawed_when_they_have_doubled() -> None:
    policy = Policy(frozen_then=1_000)
    assert not policy.thaws(1_999)
    assert policy.thaws(2_000)
    policy.thawed(1_900)
    assert not policy.thaws(3_000)
    assert policy.thaws(3_800)


def test_too_many_are_never_thawed() -> None:
    policy = Policy(frozen_then=10)
    assert policy.thaws(THAW_LIMIT)
    assert not policy.thaws(THAW_LIMIT + 1)


def test_nothing_frozen_is_no_reason_to_thaw_for_ever() -> None:
    policy = Policy(frozen_then=1)
    policy.thawed(0)
    assert not policy.thaws(1)


def test_a_process_freezes_what_stays_and_finds_dead_cycles_in_the_end() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=False)
    assert done.stdout == "ok\n", done.stderr
