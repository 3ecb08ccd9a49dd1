"""What the launcher prints: a line per step with a sign before it, and errors as records.

Signs can be switched off, as minikube's: MINIKUBE_IN_STYLE=false or NAVARCH_IN_STYLE=false.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from navarch.base.errors import LaunchError

_OFF = ("false", "0", "no", "off")
_PLAIN = {"💣": "X", "❗": "!", "💡": "*", "▪": "-"}


class Output:
    """Lines to `out`, warnings and errors to `err`."""

    def __init__(self, out: TextIO, err: TextIO, style: bool) -> None:
        self.out = out
        self.err = err
        self._style = style

    def line(self, sign: str, text: str) -> None:
        print(self._signed(sign, text), file=self.out, flush=True)

    def plain(self, text: str) -> None:
        print(text, file=self.out, flush=True)

    def warn(self, text: str) -> None:
        print(self._signed("❗", text), file=self.err, flush=True)

    def note(self, text: str) -> None:
        print(f"    {self._signed('▪', text)}", file=self.out, flush=True)

    def error(self, error: LaunchError) -> None:
        """The record: what happened with its id, then what to do."""
        print(self._signed("❌", f"Exiting due to {error.id}: {error.message}"), file=self.err)
        if error.advice:
            print(self._signed("💡", f"Suggestion: {error.advice}"), file=self.err, flush=True)

    @contextmanager
    def phase(self, sign: str, text: str) -> Iterator[None]:
        """A step: its line appears when it is done, with the time it took."""
        began = time.monotonic()
        yield
        self.line(sign, f"{text} ({time.monotonic() - began:.1f}s)")

    def _signed(self, sign: str, text: str) -> str:
        return f"{sign}  {text}" if self._style else f"{_PLAIN.get(sign, '*')} {text}"


def standard_output(environment: Mapping[str, str]) -> Output:
    style = all(environment.get(name, "").lower() not in _OFF for name in ("MINIKUBE_IN_STYLE", "NAVARCH_IN_STYLE"))
    encoding = (sys.stdout.encoding or "").lower()
    return Output(sys.stdout, sys.stderr, style and encoding.startswith("utf"))
