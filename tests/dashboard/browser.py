"""A Chromium without a window, driven by its debugging protocol."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("chromium")
PATIENCE_S = 30.0

#: Resolves as soon as an expression holds; it is looked at again whenever the page changes.
_UNTIL = """new Promise((resolve, reject) => {
  const look = () => { try { return %(expression)s; } catch { return undefined; } };
  const found = look();
  if (found) { resolve(found); return; }
  const watcher = new MutationObserver(() => { const found = look(); if (found) done(() => resolve(found)); });
  const timer = setTimeout(() => done(() => reject(new Error(document.body.innerText))), %(patience)d);
  const done = (end) => { watcher.disconnect(); clearTimeout(timer); end(); };
  watcher.observe(document, { childList: true, subtree: true, attributes: true, characterData: true });
})"""


class Tab:
    """One page. What goes wrong in its scripts is kept in `faults`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.faults: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str) -> None:
        self._call("Page.navigate", url=url)

    def run(self, expression: str) -> Any:
        """The value of an expression, awaited. Raises: AssertionError with what it threw."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"]["exception"].get("description"))
        return answer["result"].get("value")

    def until(self, expression: str) -> Any:
        """Wait until an expression holds. Raises: AssertionError with the page's text."""
        return self.run(_UNTIL % {"expression": expression, "patience": PATIENCE_S * 1000})

    def until_text(self, text: str) -> None:
        self.until(f"document.body.innerText.includes({json.dumps(text)})")

    def click(self, label: str) -> None:
        """The first link or button with that text."""
        self.until(
            f"[...document.querySelectorAll('a, button')].findLast((each) => each.innerText.trim() === "
            f"{json.dumps(label)} && (each.click(), true)) && true"
        )

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._socket.recv(timeout=2 * PATIENCE_S))
            if said.get("method") == "Runtime.exceptionThrown":
                details = said["params"]["exceptionDetails"]
                self.faults.append(details.get("exception", {}).get("description") or details["text"])
            if said.get("id") == self._number:
                assert "error" not in said, said["error"]
                result: dict[str, Any] = said["result"]
                return result


@contextmanager
def tab(directory: Path) -> Iterator[Tab]:
    """`directory` takes the browser's profile."""
    assert PROGRAM is not None
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
    command = [PROGRAM, *options, "--remote-debugging-port=0", f"--user-data-dir={directory}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as browser:
        assert browser.stderr is not None
        try:
            where = _listens_at(browser.stderr)
            threading.Thread(target=browser.stderr.read, daemon=True).start()
            with connect(_page_of(where), max_size=None, proxy=None) as socket:
                yield Tab(socket)
        finally:
            browser.terminate()


def _listens_at(said: Iterable[str]) -> str:
    """Host and port, which the browser tells among the first things."""
    prefix = "DevTools listening on ws://"
    line = next(line for line in said if line.startswith(prefix))
    return line.removeprefix(prefix).partition("/")[0]


def _page_of(where: str) -> str:
    with urlopen(f"http://{where}/json/list", timeout=PATIENCE_S) as answer:
        address: str = next(each["webSocketDebuggerUrl"] for each in json.load(answer) if each["type"] == "page")
    return address
