"""`python -m tests.corpus [--raise] [FILE...]`: the share of exact answers per file, and every miss.

The list of misses goes to the standard output in Markdown, by reason. `--raise` writes the counts
reached into the floors that the test holds.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

from tests.corpus.files import FILES, outcome_of, raise_floors
from tests.corpus.reasons import reason
from tests.corpus.replay import Outcome


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus")
    parser.add_argument("files", nargs="*", metavar="FILE", help="default: all")
    parser.add_argument("--raise", dest="raises", action="store_true", help="keep the counts as floors")
    arguments = parser.parse_args()
    outcomes = {name: outcome_of(name) for name in arguments.files or FILES}
    print(_HEAD)
    for name, outcome in outcomes.items():
        print(f"| {name} | {outcome.exact} | {outcome.total} | {outcome.share:.1%} |")
    for name, outcome in outcomes.items():
        for line in report(name, outcome):
            print(line)
    if arguments.raises:
        raise_floors({name: outcome.exact for name, outcome in outcomes.items()})


_HEAD = """# Exactness

Requests and what kube-apiserver v1.36 answered were recorded once (`$NAVARCH_CORPUS`); `python -m tests.corpus` asks
a server in the process the same and compares status, body, warnings and the objects' managed fields. Only what
differs from run to run stands for itself: uids, revisions, times, random names and addresses. CI holds the counts
(`tests/corpus/floors.json`). This page is that command's output: every answer that differs, by reason.

| file | exact | of | share |
|---|---|---|---|"""


def report(name: str, outcome: Outcome) -> list[str]:
    """Every miss of a file, with the first difference, by reason."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for key, wrong in outcome.misses.items():
        by_reason[reason(outcome.records[key], wrong)].append(f"- `{key}` {wrong[0][:160]}")
    lines = []
    for category, entries in sorted(by_reason.items(), key=lambda item: -len(item[1])):
        lines += [f"\n## {name}: {category} ({len(entries)})\n", *entries]
    return lines


if __name__ == "__main__":
    main()
