"""Several logs followed at once, line by line."""

from __future__ import annotations

import threading

from navarch.cli.errors import CliError
from navarch.cli.session import Session

Source = tuple[str, list[tuple[str, str]], bytes]


def follow_all(session: Session, sources: list[Source]) -> int:
    """Print lines as they come until all streams end. A thread for each: there is nothing else to do."""
    lock = threading.Lock()
    problems: list[CliError] = []

    def follow(path: str, query: list[tuple[str, str]], prefix: bytes) -> None:
        client = session.another_client()
        try:
            for line in client.stream(path, query):
                with lock:
                    session.write_bytes(prefix + line)
        except CliError as error:
            problems.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=follow, args=source, daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    return 0
