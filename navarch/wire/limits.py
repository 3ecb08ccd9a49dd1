"""What a peer may send and how long it may take, whatever version of HTTP it speaks."""

from __future__ import annotations

from typing import Final

#: Source: apiserver `MaxRequestBodyBytes`, net/http `DefaultMaxHeaderBytes`.
MAX_BODY_BYTES: Final = 3 * 1024 * 1024
MAX_HEAD_BYTES: Final = 1024 * 1024

#: How long a peer may take: to send a request's next bytes, to send the next request, to take
#: bytes of an answer, and to read a refusal before the connection is cut.
READ_TIMEOUT_S: Final = 32.0
IDLE_TIMEOUT_S: Final = 180.0
WRITE_TIMEOUT_S: Final = 60.0
LINGER_S: Final = 2.0
