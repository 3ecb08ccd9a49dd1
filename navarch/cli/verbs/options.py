"""`kubectl options`: the flags that all commands have."""

from __future__ import annotations

from navarch.cli.command import Command
from navarch.cli.flags import Options, Words
from navarch.cli.help import options_page
from navarch.cli.session import Session


def run(session: Session, options: Options, words: Words) -> int:
    session.write(options_page())
    return 0


COMMAND = Command(name="options", summary="List the flags that all commands have", run=run)
