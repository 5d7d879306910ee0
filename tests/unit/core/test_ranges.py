import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.core import ranges
from desync_jobs.core.ranges import Ranges


@given(st.lists(st.booleans()), st.integers(1, 5))
def test_ranges_are_the_positions_that_are_marked(marks: list[bool], block: int) -> None:
    found = Ranges.of(np.array(marks, np.bool_))
    marked = [position for position, mark in enumerate(marks) if mark]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "_BLOCK", block)
        blocks = list(found.blocks())

    assert found.positions().tolist() == marked
    assert len(found) == len(marked)
    assert (found.first[1:] > found.last[:-1]).all()
    assert [p for first, last in blocks for p in range(first, last)] == marked
    assert all(0 < last - first <= block for first, last in blocks)
