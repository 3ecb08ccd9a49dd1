"""Log files of components can be read as container logs."""

from __future__ import annotations

import logging
import sys

from navarch.app.logfiles import ContainerLogFormatter
from navarch.node.logs import LogOptions, LogReader


def test_every_line_of_a_record_is_an_entry_of_a_container_log() -> None:
    try:
        raise ValueError("odd")
    except ValueError:
        record = logging.LogRecord("navarch.x", logging.ERROR, "f", 1, "broken key=%s", ("a",), sys.exc_info())
    written = ContainerLogFormatter().format(record) + "\n"
    shown = LogReader(LogOptions()).feed(written.encode()).decode().splitlines()
    assert shown[0] == "level=error logger=navarch.x broken key=a"
    assert shown[-1] == "ValueError: odd"
