"""The text of a UUID is the standard library's, for all bits."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from navarch.seams.uuid4 import uuid4


@given(st.integers(0, 2**128 - 1))
def test_as_the_standard_library_prints_it(bits: int) -> None:
    assert uuid4(bits) == str(uuid.UUID(int=bits, version=4))
