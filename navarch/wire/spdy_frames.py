"""SPDY/3.1 frames, without any I/O: bytes in, frames out, and back. Both ends of a connection use it.

Kubernetes streams exec, attach and port-forward over SPDY; nothing else of SPDY is needed here. A
connection has one header compression context per direction, so one `FrameReader` and one
`FrameWriter` belong to it for life, and every SYN_STREAM and SYN_REPLY must pass through them in order.

    >>> FrameReader().feed(FrameWriter().syn_stream(1, {"streamtype": "stdin"}))
    [SynStream(stream_id=1, headers={'streamtype': 'stdin'}, fin=False)]

Source: SPDY Protocol, draft 3.1.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

VERSION = 3
FLAG_FIN = 0x01
MAX_FRAME_BYTES = (1 << 24) - 1
HEADER_BYTES = 8


class Kind(IntEnum):
    """Control frames; SETTINGS (4) and others are passed over."""

    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


class SpdyError(ValueError):
    """The peer sent what SPDY does not allow; the connection must be closed."""


@dataclass(frozen=True, slots=True)
class SynStream:
    """The peer opens a stream. Header names are lower-case."""

    stream_id: int
    headers: Mapping[str, str]
    fin: bool = False


@dataclass(frozen=True, slots=True)
class SynReply:
    stream_id: int
    headers: Mapping[str, str]
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    stream_id: int
    data: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    stream_id: int
    status: int


@dataclass(frozen=True, slots=True)
class Ping:
    """To be sent back as it is, unless it answers one of ours."""

    ping_id: int


@dataclass(frozen=True, slots=True)
class GoAway:
    last_stream_id: int


@dataclass(frozen=True, slots=True)
class WindowUpdate:
    stream_id: int
    delta_bytes: int


Frame = SynStream | SynReply | Data | Reset | Ping | GoAway | WindowUpdate


class FrameReader:
    """One direction of a connection, decoded. Frames of no interest (SETTINGS) are passed over."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._headers = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, received: bytes) -> list[Frame]:
        """The frames that `received` completes. Raises: SpdyError."""
        self._buffer += received
        frames: list[Frame] = []
        at = 0
        while len(self._buffer) - at >= HEADER_BYTES:
            first, second = struct.unpack_from(">II", self._buffer, at)
            end = at + HEADER_BYTES + (second & 0xFFFFFF)
            if len(self._buffer) < end:
                break
            body = bytes(self._buffer[at + HEADER_BYTES : end])
            at = end
            fin = bool(second >> 24 & FLAG_FIN)
            if first >> 31 == 0:
                frames.append(Data(first, body, fin))
            elif frame := self._control(first & 0xFFFF, first >> 16 & 0x7FFF, body, fin):
                frames.append(frame)
        del self._buffer[:at]
        return frames

    def _control(self, kind: int, version: int, body: bytes, fin: bool) -> Frame | None:
        if version != VERSION:
            raise SpdyError(f"SPDY version {version}, not {VERSION}")
        try:
            match kind:
                case Kind.SYN_STREAM:
                    (stream_id,) = struct.unpack_from(">I", body)
                    return SynStream(stream_id & 0x7FFFFFFF, self._decode_headers(body[10:]), fin)
                case Kind.SYN_REPLY:
                    (stream_id,) = struct.unpack_from(">I", body)
                    return SynReply(stream_id & 0x7FFFFFFF, self._decode_headers(body[4:]), fin)
                case Kind.HEADERS:  # not used, but it must pass through the compression context
                    self._decode_headers(body[4:])
                case Kind.RST_STREAM:
                    stream_id, status = struct.unpack(">II", body)
                    return Reset(stream_id & 0x7FFFFFFF, status)
                case Kind.PING:
                    return Ping(*struct.unpack(">I", body))
                case Kind.GOAWAY:
                    return GoAway(struct.unpack_from(">I", body)[0] & 0x7FFFFFFF)
                case Kind.WINDOW_UPDATE:
                    stream_id, delta = struct.unpack(">II", body)
                    return WindowUpdate(stream_id & 0x7FFFFFFF, delta & 0x7FFFFFFF)
        except (struct.error, zlib.error, UnicodeDecodeError) as error:
            raise SpdyError(f"malformed control frame {kind}: {error}") from error
        return None

    def _decode_headers(self, block: bytes) -> dict[str, str]:
        plain = self._headers.decompress(block)
        (count,) = struct.unpack_from(">I", plain)
        at = 4
        words: list[str] = []
        for _ in range(2 * count):
            (length,) = struct.unpack_from(">I", plain, at)
            words.append(plain[at + 4 : at + 4 + length].decode())
            at += 4 + length
        return {name.lower(): value for name, value in zip(words[::2], words[1::2], strict=True)}


class FrameWriter:
    """The other direction: each method gives the bytes to send."""

    def __init__(self) -> None:
        self._headers = zlib.compressobj(zdict=DICTIONARY)

    def syn_stream(self, stream_id: int, headers: Mapping[str, str], fin: bool = False) -> bytes:
        return _control(Kind.SYN_STREAM, struct.pack(">IIH", stream_id, 0, 0) + self._encode_headers(headers), fin)

    def syn_reply(self, stream_id: int, headers: Mapping[str, str], fin: bool = False) -> bytes:
        return _control(Kind.SYN_REPLY, struct.pack(">I", stream_id) + self._encode_headers(headers), fin)

    def data(self, stream_id: int, data: bytes, fin: bool = False) -> bytes:
        assert len(data) <= MAX_FRAME_BYTES, len(data)
        return struct.pack(">II", stream_id, (FLAG_FIN << 24 if fin else 0) | len(data)) + data

    def reset(self, stream_id: int, status: int) -> bytes:
        return _control(Kind.RST_STREAM, struct.pack(">II", stream_id, status))

    def ping(self, ping_id: int) -> bytes:
        return _control(Kind.PING, struct.pack(">I", ping_id))

    def go_away(self, last_stream_id: int) -> bytes:
        return _control(Kind.GOAWAY, struct.pack(">II", last_stream_id, 0))

    def _encode_headers(self, headers: Mapping[str, str]) -> bytes:
        plain = [struct.pack(">I", len(headers))]
        for word in (word for pair in headers.items() for word in pair):
            encoded = word.encode()
            plain += [struct.pack(">I", len(encoded)), encoded]
        return self._headers.compress(b"".join(plain)) + self._headers.flush(zlib.Z_SYNC_FLUSH)


def _control(kind: int, body: bytes, fin: bool = False) -> bytes:
    flags = FLAG_FIN << 24 if fin else 0
    return struct.pack(">HHI", 0x8000 | VERSION, kind, flags | len(body)) + body


def _dictionary() -> bytes:
    """The header compression dictionary that the protocol prescribes, section 2.6.10.1."""
    words = (
        "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age "
        "allow authorization cache-control connection content-base content-encoding content-language content-length "
        "content-location content-md5 content-range content-type date etag expect expires from host if-match "
        "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
        "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
        "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
        "keep-alive origin"
    )
    codes = (
        "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
        "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
        "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    )
    rest = (
        "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
        "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
        "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
    )
    sized = (word.replace("_", " ").encode() for word in words.split())
    return b"".join(struct.pack(">I", len(word)) + word for word in sized) + codes.encode() + rest.encode()


DICTIONARY = _dictionary()
