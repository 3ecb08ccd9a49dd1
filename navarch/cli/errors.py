"""What can go wrong on a command line, and how kubectl says it.

Every failure of a command is a `CliError` (our own words, after `error: `) or an `ApiError` (a Status of
the server). `main` turns either into text and exit code with `report`.

Source: kubectl `cmd/util` (checkErr, StandardErrorMessage, MultilineError).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from navarch.schema.types import Tree


#: What commands say that need something to work on.
NO_RESOURCES_NAMED = (
    "You must provide one or more resources by argument or filename.\n"
    "Example resource specifications include:\n"
    "   '-f rsrc.yaml'\n"
    "   '--filename=rsrc.json'\n"
    "   '<resource> <name>'\n"
    "   '<resource>'"
)


#: What commands say that are to work without the server.
LOCAL_NEEDS_FILES = (
    "error: you must specify resources by --filename when --local is set.\n"
    "Example resource specifications include:\n"
    "   '-f rsrc.yaml'\n"
    "   '--filename=rsrc.json'"
)


class CliError(Exception):
    """A command that cannot go on. `prefix` false: the text stands alone, without `error: `.

    `advice` comes below the text: what to change. It begins with a line break.
    """

    advice = ""

    def __init__(self, message: str, code: int = 1, *, prefix: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.prefix = prefix


class FlagError(CliError):
    """A flag that cannot be read; `main` adds where to find help."""


class UsageError(CliError):
    """A command line that lacks something; `main` adds where to find help and examples."""


class Exit(CliError):
    """End with this code; everything has been said."""

    def __init__(self, code: int) -> None:
        super().__init__("", code)


class ConfigError(CliError):
    """A kubeconfig that cannot be used."""

    def __init__(self, message: str) -> None:
        super().__init__(f"Error in configuration: {message}", prefix=False)


class Errors(CliError):
    """Several failures, each reported on its own."""

    def __init__(self, errors: list[CliError]) -> None:
        super().__init__("\n".join(report(error) for error in errors), prefix=False)
        self.errors = errors


class ApiError(CliError):
    """The server answered with a Status. `source` says what was being done, after the server's reason."""

    def __init__(self, status: Tree) -> None:
        super().__init__(str(status.get("message") or "unknown"))
        self.status = status

    @property
    def reason(self) -> str:
        return str(self.status.get("reason") or "")

    @property
    def http_code(self) -> int:
        return int(self.status.get("code") or 0)

    def during(self, verb: str, source: str) -> ApiError:
        """The same error with `error when creating "pod.yaml": ` in front."""
        return ApiError({**self.status, "message": f'error when {verb} "{source}": {self.message}'})


def raise_all(errors: list[CliError]) -> None:
    """Raise what was collected, if anything."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Errors(errors)


def report(error: CliError) -> str:
    """The text for standard error, without the final newline."""
    if isinstance(error, ApiError):
        return _status_text(error) + error.advice
    if not error.message or not error.prefix or error.message.startswith("error: "):
        return error.message + error.advice
    return f"error: {error.message}{error.advice}"


def _status_text(error: ApiError) -> str:
    if error.reason == "Invalid":
        return _invalid_text(error.status)
    if error.reason == "Unauthorized":
        return f"error: You must be logged in to the server ({error.message})"
    if error.reason:
        return f"Error from server ({error.reason}): {error.message}"
    return f"Error from server: {error.message}"


def _invalid_text(status: Tree) -> str:
    details: Tree | None = status.get("details")
    text, message = "The request is invalid", status.get("message") or ""
    if details is None:
        return f"{text}: {message}" if message else text
    causes = details.get("causes") or []
    if details.get("kind") or details.get("name"):
        text = f'The {details.get("kind", "")} "{details.get("name", "")}" is invalid'
    elif message and not causes:
        text += f": {message}"
    if not causes:
        return text
    return multiline(f"{text}: ", [_cause_text(cause) for cause in causes])


def _cause_text(cause: dict[str, Any]) -> str:
    return f"{cause.get('field', '')}: {cause.get('message', '')}"


def multiline(prefix: str, messages: list[str]) -> str:
    """One message behind the prefix, several as a list below it; repeated ones once."""
    unique = list(dict.fromkeys(messages))
    if len(unique) == 1:
        return prefix + unique[0]
    return prefix + "".join(f"\n* {message}" for message in unique)
