"""What a webhook answers, read: its decision, or why it is none."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from navarch.server.admission.webhook_review import InvalidAnswerError, denial, read_answer


def review(**response: Any) -> bytes:
    tree = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": {"uid": "u", **response}}
    return orjson.dumps(tree)


def test_a_refusal_with_its_reasons() -> None:
    details = {"name": "n", "causes": [{"reason": "FieldValueInvalid", "message": "m", "field": "f"}]}
    status = {"code": 418, "message": "no", "reason": "Teapot", "details": details, "metadata": {}}
    answer = read_answer(review(allowed=False, status=status, warnings=["w"], auditAnnotations={"a": "b"}), "u")
    assert (answer.allowed, answer.warnings, answer.annotations) == (False, ("w",), {"a": "b"})
    error = denial("x.example.com", answer.status)
    assert (error.code, error.reason) == (418, "Teapot")
    assert error.message == 'admission webhook "x.example.com" denied the request: no'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "json parse error"),
        (b"[]", "received invalid webhook response"),
        (b"{}", "webhook response was absent"),
        (review(uid="other"), 'expected response.uid="u", got "other"'),
        (review(allowed="yes"), "Expected `bool`"),
        (review(warnings="w"), "Expected `array | null`"),
        (review(auditAnnotations=["a"]), "Expected `object | null`"),
        (review(status={"code": "400"}), "Expected `int | null`"),
        (review(status={"details": {"causes": ["c"]}}), "Expected `object`"),
        (review(patch="W10=", patchType="Other"), "unsupported patch type Other"),
        (review(patch="?", patchType="JSONPatch"), "received invalid webhook response"),
        (review(patch="e30=", patchType="JSONPatch"), "the patch is no list"),
    ],
)
def test_answers_that_are_none(body: bytes, words: str) -> None:
    with pytest.raises(InvalidAnswerError) as refused:
        read_answer(body, "u")
    assert words in str(refused.value)
