"""`kubectl alpha`: there is nothing that is being tried out."""

from __future__ import annotations

from navarch.cli.command import Command
from navarch.cli.flags import Options, Words
from navarch.cli.session import Session


def run(session: Session, options: Options, words: Words) -> int:
    session.complain("No alpha commands are available in this version of kubectl")
    return 0


COMMAND = Command(name="alpha", summary="Commands that are being tried out", run=run)
