"""Plays random histories, and shortens one that goes wrong.

    python -m navarch.testing.seeds --seed 17        plays one, tells what happened, and shortens it if it fails
    python -m navarch.testing.seeds --count 5000     plays many; ends with 1 if one fails

A history fails if an invariant is violated, if the cluster does not come to rest once all faults are
healed, or if the world at rest is not the declared one.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from navarch.testing.invariants import Invariants
from navarch.testing.rest import Declared, at_rest
from navarch.testing.settle import NotSettled
from navarch.testing.workload import Op, Pause, Play, attempt, new_cluster, workload

#: How often a history is played while it is shortened, at most.
SHRINK_TRIES = 150


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a history went. `problems` is empty if all is well."""

    seed: int
    problems: tuple[str, ...]
    event_hash: str
    events: int

    @property
    def ok(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        return f"seed {self.seed} fails:\n{lines}\nreplay: python -m navarch.testing.seeds --seed {self.seed}"


def play(seed: int, ops: Sequence[Op] | None = None) -> Outcome:
    """Play a seed's history, or other operations in its place."""
    with new_cluster(seed) as c:
        c.settle()
        invariants = Invariants(c)
        state = Play(c, invariants, Declared(), {})
        problems: list[str] = []
        try:
            for op in workload(seed) if ops is None else ops:
                attempt(op, state)
                if invariants.violations:
                    break
            else:
                problems = _rest(state)
        except NotSettled as error:
            problems = [f"does not come to rest: {error}"]
        invariants.close()
        found = [str(violation) for violation in invariants.violations[:5]]
        return Outcome(seed, (*found, *problems), c.event_hash(), c.store.index.revision)


def _rest(state: Play) -> list[str]:
    """Heal everything, and see what the world comes to."""
    c = state.c
    state.invariants.excuse(600)
    c.free_disk()
    c.slow_disk(0.0)
    c.heal()
    for name in c.nodes:
        c.start_node(name)
        c.uncordon(name)
    c.settle()
    c.advance("6m")
    c.settle()
    return at_rest(c, state.declared)


def shrink(outcome: Outcome, replay: Callable[[Sequence[Op]], Outcome], ops: Sequence[Op]) -> tuple[Op, ...]:
    """A short history that still fails in the same way: chunks of operations are left out, then single ones."""
    kinds = {_kind(problem) for problem in outcome.problems}
    current, tries = list(ops), SHRINK_TRIES
    size = len(current) // 2
    while size >= 1 and tries > 0:
        start = 0
        while start < len(current) and tries > 0:
            shorter = current[:start] + current[start + size :]
            tries -= 1
            if kinds & {_kind(problem) for problem in replay(shorter).problems}:
                current = shorter
            else:
                start += size
        size //= 2
    return tuple(current)


def _kind(problem: str) -> str:
    """What a problem is about: its first word."""
    return problem.split()[0]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m navarch.testing.seeds", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--seed", type=int, help="play this seed only, and shorten it if it fails")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args(arguments)
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        if options.seed is not None:
            return _one(options.seed)
        return _many(range(options.first, options.first + options.count))
    finally:
        logging.disable(before)


def _many(seeds: Sequence[int]) -> int:
    begun, failed, events = time.perf_counter(), 0, 0
    for seed in seeds:
        outcome = play(seed)
        events += outcome.events
        if not outcome.ok:
            failed += 1
            print(outcome, flush=True)
    took = time.perf_counter() - begun
    print(f"{len(seeds)} seeds, {failed} failed, {events} events, {took:.1f} s, {took / len(seeds):.2f} s each")
    return 1 if failed else 0


def _one(seed: int) -> int:
    outcome = play(seed)
    if outcome.ok:
        print(f"seed {seed} is fine: {outcome.events} events, hash {outcome.event_hash[:16]}")
        return 0
    print(outcome)
    short = shrink(outcome, lambda ops: play(seed, ops), workload(seed))
    print(f"shortened to {sum(not isinstance(op, Pause) for op in short)} operations:")
    for op in short:
        print(f"  {op}")
    print("\n".join(f"  -> {problem}" for problem in play(seed, short).problems))
    return 1


if __name__ == "__main__":
    sys.exit(main())
