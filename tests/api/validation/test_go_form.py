"""Structures under Go's names, whole and as a difference."""

from __future__ import annotations

from navarch.api.validation.go_form import difference, shown
from navarch.api.validation.go_shapes import SHAPES


def test_every_shape_that_is_named_exists() -> None:
    for shape in SHAPES:
        assert shown(shape, {}) is not None


def test_absent_values_are_zero() -> None:
    assert shown("Taint", {"key": "a"}) == {"Key": "a", "Value": "", "Effect": "", "TimeAdded": None}
    assert shown("Taint", None) is None


def test_shared_namespaces_stand_in_the_security_context() -> None:
    found = shown("PodSpec", {"hostNetwork": True, "securityContext": {"runAsUser": 1}})
    assert found is not None
    assert found["SecurityContext"]["HostNetwork"] is True
    assert found["SecurityContext"]["RunAsUser"] == 1


def test_a_difference_has_three_lines_around() -> None:
    old, new = {"hostPath": {"path": "/a"}}, {"hostPath": {"path": "/b"}}
    text = difference("PersistentVolumeSource", old, new)
    assert text.startswith("\n@@ -2,7 +2,7 @@\n")
    assert '-  "Path": "/a",\n+  "Path": "/b",\n' in text
