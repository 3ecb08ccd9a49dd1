"""The machine's randomness: identifiers that no two processes share."""

from __future__ import annotations

import os
import re

from navarch.seams.real import RealRng


def test_identifiers_are_drawn_in_lots_and_never_twice() -> None:
    rng = RealRng()
    drawn = [rng.uuid() for _ in range(1000)]
    assert len(set(drawn)) == 1000
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", each) for each in drawn
    )


def test_a_forked_process_draws_its_own() -> None:
    rng = RealRng()
    rng.uuid()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, rng.uuid().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 100).decode() != rng.uuid()
    os.close(reading)
    os.close(writing)
