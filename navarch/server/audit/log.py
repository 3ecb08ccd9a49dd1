"""Writes the audit log: one JSON line per event, appended before the answer is complete.

A server without an audit policy has none of this. Only server/app.py calls it.

Source: kube-apiserver's log backend in blocking mode.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import orjson

from navarch.base import yaml
from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.server.audit.events import event, is_long_running
from navarch.server.audit.policy import AuditPolicyError, Policy, Verdict, policy_of
from navarch.server.authz.attributes import Authorize, of_request
from navarch.wire.messages import Request, Response, Sink, Stream

log = logging.getLogger(__name__)

#: A log longer than this is put aside, the oldest of so many goes.
MAX_BYTES: Final = 100 << 20
MAX_BACKUPS: Final = 10

Write = Callable[[bytes], None]
Send = Callable[[Tree], None]


def read_policy(text: bytes) -> Policy:
    """Raises: AuditPolicyError."""
    try:
        return policy_of(yaml.load(text))
    except yaml.YamlError as error:
        raise AuditPolicyError(f"failed decoding: {error}") from None


class AuditLog:
    """Keeps the log of one server. `write` takes whole lines; `send`, if there is one, takes events."""

    def __init__(self, policy: Policy, write: Write, clock: Clock, send: Send | None = None) -> None:
        self._policy = policy
        self._write = write
        self._clock = clock
        self._send = send
        #: Events written so far.
        self.count = 0

    async def recorded(
        self, request: Request, answering: Coroutine[Any, Any, Response], authorize: Authorize, *, streams: bool
    ) -> Response:
        """The answer, when what the policy wants to know of it is written. With `streams` the end of a stream
        is an event too; otherwise the caller takes the stream apart itself."""
        received = self._clock.now()
        request.annotations = {}
        response = await answering
        info = request.info
        if info is None:
            return response
        verdict = self._policy.verdict(request.actor or request.user, info, request.path)
        if verdict.level == "None":
            return response
        self._explain(request, response, authorize)
        self._note(request, None, verdict, "RequestReceived", received)
        if response.stream is None and not (is_long_running(request) and response.status == 101):
            self._note(request, response, verdict, "ResponseComplete", received)
            return response
        self._note(request, response, verdict, "ResponseStarted", received)
        if response.stream is not None and streams:
            ended = self._ended(request, response, verdict, received)
            response.stream = _Observed(response.stream, ended)
        return response

    def _ended(self, request: Request, response: Response, verdict: Verdict, received: float) -> Callable[[], None]:
        return lambda: self._note(request, response, verdict, "ResponseComplete", received)

    def _explain(self, request: Request, response: Response, authorize: Authorize) -> None:
        """Add what authorisation decided, and why. It is asked again: without an audit log nobody keeps it."""
        assert request.annotations is not None
        if response.status == 401:
            return
        decision = authorize(of_request(request))
        request.annotations["authorization.k8s.io/decision"] = "allow" if decision.allowed else "forbid"
        request.annotations["authorization.k8s.io/reason"] = decision.reason

    def _note(self, request: Request, response: Response | None, verdict: Verdict, stage: str, received: float) -> None:
        if stage in verdict.omit_stages:
            return
        now = received if stage == "RequestReceived" else self._clock.now()
        tree: Tree = event(request, response, verdict, stage, received, now)
        if self._send is not None:
            self._send(tree)
        try:
            self._write(orjson.dumps(tree) + b"\n")
        except OSError as error:
            # What the request asked for may be done already: it is answered all the same.
            log.error("audit id=%s stage=%s: not written: %s", request.audit_id, stage, error)
            return
        self.count += 1


class _Observed(Stream):
    """A stream whose end is told."""

    def __init__(self, stream: Stream, ended: Callable[[], None]) -> None:
        self._stream = stream
        self._ended = ended

    def start(self, sink: Sink) -> None:
        self._stream.start(sink)

    def stop(self) -> None:
        self._stream.stop()
        self._ended()


class LogFile:
    """A file of lines that is put aside when it is long: audit.log, audit.log.1, ...

    A line that could not be written whole is taken back; where that fails too, the next one begins after an end of
    line. Backups older than `max_age_s` go when another is made (0: none does).

    Raises: OSError when it cannot be opened, and from `write` when it cannot be written."""

    def __init__(
        self, path: str, max_bytes: int = MAX_BYTES, max_backups: int = MAX_BACKUPS, max_age_s: float = 0
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._max_backups = max_backups
        self._max_age_s = max_age_s
        self._file = self._open()
        self._torn = _is_torn(path)

    def write(self, line: bytes) -> None:
        size = os.fstat(self._file).st_size
        if self._max_bytes and size + len(line) > self._max_bytes:
            self._rotate()
            size, self._torn = 0, False
        rest = b"\n" + line if self._torn else line
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            self._take_back(size)
            raise
        self._torn = False

    def _take_back(self, size: int) -> None:
        """Cut what was written beyond the whole lines. When the disk is full this needs no room."""
        try:
            os.ftruncate(self._file, size)
        except OSError:
            self._torn = True

    def close(self) -> None:
        os.close(self._file)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _rotate(self) -> None:
        """The file in use is closed last: when anything fails, it is still the one that is written to."""
        for number in range(self._max_backups - 1, 0, -1):
            older = Path(f"{self._path}.{number}")
            if older.exists():
                older.replace(f"{self._path}.{number + 1}")
        if self._max_backups:
            Path(self._path).replace(f"{self._path}.1")
        else:
            Path(self._path).unlink()
        self._forget_old()
        full, self._file = self._file, self._open()
        os.close(full)

    def _forget_old(self) -> None:
        if not self._max_age_s:
            return
        # A file's own time tells when it was written to last.
        newest = os.fstat(self._file).st_mtime
        for number in range(1, self._max_backups + 1):
            backup = Path(f"{self._path}.{number}")
            if backup.exists() and backup.stat().st_mtime < newest - self._max_age_s:
                backup.unlink()


def _is_torn(path: str) -> bool:
    """Whether a file ends in the middle of a line: its last writer crashed."""
    with open(path, "rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"
