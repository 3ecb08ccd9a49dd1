"""Random histories under random faults: no invariant breaks, and the world comes to rest as declared.

More of them: `make seeds N=5000`. A failing one says how to replay it alone.
"""

from __future__ import annotations

import os

import pytest

from navarch.testing.seeds import main, play, shrink
from navarch.testing.workload import Deploy, KillNode, Pause, workload

SEEDS = int(os.environ.get("NAVARCH_SEEDS", "200"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_seed(seed):
    outcome = play(seed)
    assert outcome.ok, str(outcome)


def test_a_workload_is_a_function_of_its_seed():
    assert workload(5) == workload(5)
    assert workload(5) != workload(6)


def test_a_failing_history_is_shortened_to_what_matters():
    culprit = KillNode("node-3")

    def replay(ops):
        outcome = play(0, ())
        problems = ("it broke",) if culprit in ops else ()
        return type(outcome)(0, problems, outcome.event_hash, outcome.events)

    ops = (*workload(1), culprit, *workload(2))
    assert shrink(replay(ops), replay, ops) == (culprit,)


def test_one_seed_can_be_replayed_alone(capsys):
    assert main(["--seed", "3"]) == 0
    assert "seed 3 is fine" in capsys.readouterr().out


def test_what_cannot_be_done_is_left_out():
    assert play(0, (Deploy(("team", "web"), 1, "app:1", 1, 0), Pause(1.0))).ok
    assert all(play(0, workload(1)[start::3]).ok for start in range(3)), "any part of a history is a history"


def test_a_deployment_that_is_changed_while_its_first_pods_are_made_keeps_within_its_surge():
    key = ("default", "api")
    outcome = play(0, (Deploy(key, 5, "app:1", 0, 1), Deploy(key, 3, "app:2", "50%", 0), Pause(30.0)))
    assert outcome.ok, str(outcome)
