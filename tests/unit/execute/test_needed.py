import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.execute import needed as module
from desync_jobs.execute.needed import PARTS, Needed


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=20), max_size=8), st.booleans())
def test_what_is_gathered_in_parts_is_what_was_added(added: list[list[int]], at_once: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW", 0 if at_once else 1 << 20)
        gathered = Needed()
        for numbers in added:
            gathered.add(np.unique(np.array(numbers, np.uint64)))
        together = np.unique(np.array([one for some in added for one in some], np.uint64))
        halves = [gathered.between(0, PARTS // 2), gathered.between(PARTS // 2, PARTS)]

    assert np.array_equal(gathered.between(0, PARTS), together)
    assert np.array_equal(np.concatenate(halves), together)
    assert gathered.contents().count == len(together)
    assert gathered.contents().digest == hashlib.sha256(together.tobytes()).hexdigest()


def test_chunks_are_looked_up_by_the_first_bytes_of_their_ids() -> None:
    ids = np.random.default_rng(1).integers(0, 256, (100, 32), np.uint8)
    gathered = Needed()
    gathered.add(np.sort(ids[::2, :8].copy().view(">u8").reshape(-1).astype(np.uint64)))

    assert gathered.has(ids).tolist() == [True, False] * 50
    assert gathered.has(ids[:0]).tolist() == []


@given(st.sets(st.integers(0, 2**64 - 1)), st.sets(st.integers(0, 2**64 - 1)))
def test_what_is_lacking_is_what_was_not_added(added: set[int], asked: set[int]) -> None:
    gathered = Needed()
    gathered.add(np.array(sorted(added), np.uint64))
    among = np.array(sorted(asked | set(list(added)[::2])), np.uint64)

    assert gathered.lacking(among).tolist() == sorted(asked - added)
