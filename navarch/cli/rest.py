"""The CLI's HTTP client: synchronous, one connection, TLS, JSON.

`navarch.client` is asynchronous and made for components that run for months; a command line lives for a
tenth of a second and cannot afford its imports.

Raises ApiError for what the server refuses, CliError when there is no server to talk to.
"""

from __future__ import annotations

import io
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import orjson

from navarch.cli.errors import ApiError, CliError
from navarch.cli.http import Address, Connection, Response, open_socket

if TYPE_CHECKING:
    import ssl

    from navarch.cli.request_log import RequestLog
    from navarch.schema.types import Tree


JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
Query = Sequence[tuple[str, str]]


class Endpoint(NamedTuple):
    """Where the server is and who we are; `cli/config.py` makes it of a kubeconfig."""

    server: str
    headers: Sequence[tuple[str, str]] = ()
    ca: bytes = b""
    certificate: bytes = b""
    key: bytes = b""
    server_name: str = ""
    insecure: bool = False
    timeout_s: float = 0.0
    proxy: str = ""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def tree(self) -> Tree:
        """Raises: CliError if the body is no JSON object."""
        try:
            tree: Tree = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            text = self.body.decode(errors="replace")
            raise CliError(f"couldn't read the server's answer: {error}: {text[:200]}") from error
        return tree


class Client:
    """Requests to one server over one kept connection. `warn` gets each warning's text once."""

    def __init__(self, endpoint: Endpoint, warn: Any = None, log: RequestLog | None = None) -> None:
        self.endpoint = endpoint
        self._warn = warn
        self._log = log
        parts = urlsplit(endpoint.server if "://" in endpoint.server else "http://" + endpoint.server)
        self.secure = parts.scheme == "https"
        self.host = parts.hostname or "localhost"
        self.port = parts.port or (443 if self.secure else 80)
        self.prefix = parts.path.rstrip("/")
        self._connection: Connection | None = None
        self._context: ssl.SSLContext | None = None
        self._used = False

    # --- whole answers

    def get(self, path: str, query: Query = (), *, accept: str = JSON) -> Answer:
        return self.request("GET", path, query, accept=accept)

    def request(
        self,
        method: str,
        path: str,
        query: Query = (),
        body: Any = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Answer:
        """One request and its whole answer. `body` is a tree, or bytes that go as they are.

        Raises: ApiError for an answer that is no success, CliError without connection.
        """
        response = self.send(method, path, query, body, content_type=content_type, accept=accept)
        try:
            data = response.body.read()
        except TimeoutError as error:
            raise self._timed_out(method, path, query) from error
        except OSError as error:
            self.close()
            raise CliError(f"Unable to connect to the server: {error}", prefix=False) from error
        if self._log is not None:
            self._log.body("Response", data)
        answer = Answer(response.status, dict(response.headers), data)
        if answer.status >= 400:
            raise api_error(answer, method)
        return answer

    def stream(self, path: str, query: Query = (), *, accept: str = JSON) -> io.BufferedReader:
        """An answer that is read while it comes: logs and watches. Raises: ApiError, CliError."""
        response = self.send("GET", path, query, accept=accept)
        if response.status >= 400:
            raise api_error(Answer(response.status, dict(response.headers), response.body.read()), "GET")
        return response.body

    def watch(self, path: str, query: Query, *, accept: str = JSON) -> Iterator[Tree]:
        """The events of a watch until the server, or the request's timeout, ends it."""
        body = self.stream(path, [*query, ("watch", "true")], accept=accept)
        try:
            for line in body:
                yield orjson.loads(line)
        except (TimeoutError, ConnectionError) as error:
            if self._log is not None:
                self._log.watch_ended(error)
            return
        finally:
            self.close()

    # --- the connection

    def send(
        self,
        method: str,
        path: str,
        query: Query = (),
        body: Any = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Response:
        """Send, and read the answer's head. A kept connection that the server has closed is opened anew."""
        target = self.target(path, query)
        raw = body if isinstance(body, bytes) or body is None else orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        headers = [("Accept", accept), ("User-Agent", USER_AGENT), *self.endpoint.headers]
        if raw is not None:
            headers += [("Content-Type", content_type), ("Content-Length", str(len(raw)))]
        for left in range(_RETRIES, -1, -1):
            response = self._send_once(method, target, headers, raw, (method, path, query))
            wait_s = _retry_after_s(response) if left else None
            if wait_s is None:
                break
            response.body.read()
            time.sleep(wait_s)
        self._report_warnings(response)
        return response

    def _send_once(
        self, method: str, target: str, headers: list[tuple[str, str]], raw: bytes | None, about: tuple[str, str, Query]
    ) -> Response:
        """`about`: method, path and query for messages. Raises: CliError."""
        began = time.monotonic()
        while True:
            used, self._used = self._used, True
            try:
                response = self._connect().request(method, target, headers, raw)
                break
            except TimeoutError as error:
                self.close()
                raise self._timed_out(*about) from error
            except (BrokenPipeError, ConnectionResetError) as error:
                self.close()
                if not used:
                    raise CliError(f"Unable to connect to the server: {error}", prefix=False) from error
            except OSError as error:
                self.close()
                refused = CliError(_unreachable(error, self.host, self.port), prefix=False)
                if isinstance(error, ConnectionRefusedError):
                    refused.advice = _NOBODY_THERE
                raise refused from error
        if self._log is not None:
            took_s = time.monotonic() - began
            url = self.endpoint.server + target.removeprefix(self.prefix)
            self._log.body("Request", raw or b"")
            self._log.answered(method, url, headers, response.status, response.headers, took_s)
        return response

    def target(self, path: str, query: Query = ()) -> str:
        """The request line's target for a path whose segments are already escaped."""
        timeout_s = self.endpoint.timeout_s
        if timeout_s and not any(name == "timeout" for name, _ in query) and "timeout=" not in path:
            query = [*query, ("timeout", f"{timeout_s:g}s")]
        if not query:
            return self.prefix + path
        return f"{self.prefix}{path}{'&' if '?' in path else '?'}{urlencode(sorted(query, key=itemgetter(0)))}"

    def open_socket(self) -> socket.socket:
        """A connection of its own, for upgrades. Raises: CliError."""
        try:
            return open_socket(self._address())
        except OSError as error:
            raise CliError(_unreachable(error, self.host, self.port), prefix=False) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._used = None, False

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self._address())
        return self._connection

    def _address(self) -> Address:
        context = self._tls() if self.secure else None
        return Address(self.host, self.port, self.endpoint.timeout_s or None, context, self.endpoint.server_name)

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = tls_context(self.endpoint)
        return self._context

    def _timed_out(self, method: str, path: str, query: Query) -> CliError:
        shown = f'{method.capitalize()} "{self.endpoint.server}{self.target(path, query)}"'
        why = "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"
        return CliError(f"Unable to connect to the server: {shown}: {why}", prefix=False)

    def _report_warnings(self, response: Response) -> None:
        if self._warn is None:
            return
        for name, value in response.headers:
            if name == "warning":
                self._warn(value)


def _retry_after_s(response: Response) -> float | None:
    """How long a server that is busy asks to wait; None if it does not ask. Source: client-go `rest/with_retry.go`."""
    if response.status != 429 and response.status < 500:
        return None
    text = next((value for name, value in response.headers if name == "retry-after"), "")
    return float(text) if text.isdecimal() else None


_NOBODY_THERE = (
    "\nhint: nobody listens there; `navarch start` starts a cluster, `kubectl config view --minify` shows the address"
)
#: How often a request is sent again on the server's demand.
_RETRIES = 10
USER_AGENT = "kubectl/v1.36.0 (linux/amd64) navarch"


def api_error(answer: Answer, method: str = "GET") -> ApiError:
    """The error for an answer: its Status, or one made up from its text as client-go does."""
    try:
        status = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return ApiError(status)
    return ApiError(_unexplained(answer, method))


def segment(text: str) -> str:
    """A name as one segment of a path."""
    return quote(text, safe=":@!$&'()*+,;=~")


def tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    """Trust in the endpoint's authority, with its client certificate. Raises: CliError."""
    import ssl  # only for servers with TLS

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if endpoint.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif endpoint.ca:
            context.load_verify_locations(cadata=endpoint.ca.decode())
        else:
            context.load_default_certs()
        if endpoint.certificate:
            _load_pair(context, endpoint.certificate, endpoint.key)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise CliError(f"unable to load certificates: {error}") from error
    return context


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """OpenSSL reads certificates from files only: one in memory keeps the key off the disk."""
    descriptor = os.memfd_create("client-certificate")
    try:
        os.write(descriptor, certificate.rstrip() + b"\n" + key)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _unexplained(answer: Answer, method: str) -> Tree:
    reasons = {
        400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed",
        406: "NotAcceptable", 409: "Conflict", 410: "Gone", 415: "UnsupportedMediaType", 422: "Invalid",
        429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout",
    }  # fmt: skip
    texts = {
        400: "the server rejected our request for an unknown reason",
        401: "the server has asked for the client to provide credentials",
        403: answer.body.decode(errors="replace").strip(),
        404: "the server could not find the requested resource",
        405: f"the server does not allow this method on the requested resource ({method})",
        503: "the server is currently unable to handle the request",
    }
    body = answer.body.decode(errors="replace").strip()
    fallback = f"an error on the server ({json_quoted(body) if body else 'unknown'}) has prevented the request"
    fallback += " from succeeding"
    return {
        "kind": "Status",
        "code": answer.status,
        "reason": reasons.get(answer.status, "InternalError" if answer.status >= 500 else ""),
        "message": texts.get(answer.status) or fallback,
    }


def json_quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _unreachable(error: OSError, host: str, port: int) -> str:
    import ssl

    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if isinstance(error, ConnectionRefusedError):
        return f"The connection to the server {shown} was refused - did you specify the right host or port?"
    if isinstance(error, ssl.SSLCertVerificationError):
        why = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
        if "hostname" in error.verify_message.lower() or "ip address" in error.verify_message.lower():
            why = f"tls: failed to verify certificate: x509: {error.verify_message}"
        return f"Unable to connect to the server: {why}"
    if isinstance(error, socket.gaierror):
        return f"Unable to connect to the server: dial tcp: lookup {host}: no such host"
    if isinstance(error, ssl.SSLError):
        return f"Unable to connect to the server: {error.reason or error}"
    return f"Unable to connect to the server: dial tcp {shown}: {(error.strerror or str(error)).lower()}"
