"""The fields of answers, and who gets them compressed."""

from __future__ import annotations

import gzip

import pytest

from navarch.wire.answer import GZIP_ABOVE_BYTES, accepts_gzip, stream_fields, whole_answer
from navarch.wire.messages import Response


@pytest.mark.parametrize(
    ("header", "accepted"),
    [("gzip", True), ("deflate, gzip", True), ("gzip;q=1.0", False), ("xgzip", False), ("", False), ("*", False)],
)
def test_the_header_is_read_token_by_token(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


@pytest.mark.parametrize("size", [GZIP_ABOVE_BYTES, GZIP_ABOVE_BYTES + 1])
def test_only_bodies_over_the_threshold_are_compressed(size: int) -> None:
    plain = b"x" * size
    fields, body = whole_answer(Response(body=plain), "GET", "gzip")
    named = dict(fields)
    if size > GZIP_ABOVE_BYTES:
        assert (named["Content-Encoding"], named["Vary"]) == ("gzip", "Accept-Encoding")
        assert gzip.decompress(body) == plain
    else:
        assert "Content-Encoding" not in named and body == plain
    assert named["Content-Length"] == str(len(body))


def test_what_is_encoded_already_stays_so() -> None:
    answer = Response(body=b"x" * (GZIP_ABOVE_BYTES + 1), headers=[("content-encoding", "br")])
    fields, body = whole_answer(answer, "GET", "gzip")
    assert body == answer.body and ("Content-Encoding", "gzip") not in fields


def test_a_head_answer_has_the_length_of_the_body_that_it_leaves_out() -> None:
    fields, body = whole_answer(Response(body=b"four"), "HEAD", "")
    assert (dict(fields)["Content-Length"], body) == ("4", b"")


def test_answers_without_a_body_have_no_type_and_no_length() -> None:
    fields, body = whole_answer(Response(204, b""), "DELETE", "")
    assert body == b"" and not {"Content-Length", "Content-Type"} & set(dict(fields))
    assert {"Date", "Content-Type"} <= set(dict(stream_fields(Response())))
