"""A journal believes what was noted and no more, wherever it is cut off and whatever is damaged."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from desync_jobs.formats.journal import HEADER_SIZE
from desync_jobs.formats.ranges import mark_ranges, range_bytes
from tests.unit.assembly.journaling import Extraction, done, doubtful

POSITIONS = 40
LIVES = [bytes([number]) * 16 for number in range(3)]

positions = st.lists(st.integers(0, POSITIONS - 1), max_size=12)
operations = st.one_of(
    st.tuples(st.just("note"), positions),
    st.tuples(st.just("settle"), st.none()),
    st.tuples(st.just("doubt"), st.none()),
    st.tuples(st.just("stop"), st.none()),
    st.tuples(st.just("start"), st.sampled_from(LIVES)),
)
histories = st.lists(operations, max_size=14)


@dataclass
class Truth:
    """What may be believed, kept with plain sets; compared with what the journal says."""

    life: bytes = LIVES[0]
    noted: set[int] = field(default_factory=set)
    settled: set[int] = field(default_factory=set)
    doubtful: set[int] = field(default_factory=set)

    def copy(self) -> "Truth":
        return Truth(self.life, set(self.noted), set(self.settled), set(self.doubtful))

    def note(self, more: list[int]) -> None:
        self.noted |= set(more)
        self.doubtful -= set(more)

    def settle(self) -> None:
        self.settled = set(self.noted)

    def doubt(self) -> None:
        self.doubtful |= self.noted
        self.noted, self.settled = set(), set()

    def start(self, life: bytes) -> None:
        if life != self.life:
            self.doubtful |= self.noted - self.settled
            self.noted = set(self.settled)
        self.life = life


@dataclass
class History:
    extraction: Extraction
    sizes: list[tuple[int, Truth]]
    """How large the journal was after each step, and what was true then."""

    def truth_at(self, size: int) -> Truth:
        return max((step for step in self.sizes if step[0] <= size), key=lambda step: step[0])[1]


@contextmanager
def played(history: list[tuple[str, object]]) -> Iterator[History]:
    """Carry out a history with a real journal."""
    with tempfile.TemporaryDirectory() as folder:
        extraction = Extraction(Path(folder), POSITIONS)
        truth = Truth()
        sizes = [(HEADER_SIZE, Truth())]
        journal = extraction.open(truth.life)
        sizes.append((extraction.journal.stat().st_size, truth.copy()))
        for name, given_ in history:
            if name == "note":
                assert isinstance(given_, list)
                journal.note(given_, len(given_))
                truth.note(given_)
            elif name == "settle":
                journal.settle()
                truth.settle()
            elif name == "doubt":
                journal.doubt()
                truth.doubt()
            elif name == "stop":
                journal.close_clean()
            else:
                assert isinstance(given_, bytes)
                journal.__exit__(None, None, None)
                journal = extraction.open(given_)
                truth.start(given_)
            sizes.append((extraction.journal.stat().st_size, truth.copy()))
        journal.__exit__(None, None, None)
        yield History(extraction, sizes)
        extraction.close()


@settings(max_examples=150, deadline=None)
@given(history=histories, life=st.sampled_from(LIVES), data=st.data())
def test_a_journal_cut_off_anywhere_says_what_was_noted_before(
    history: list[tuple[str, object]], life: bytes, data: st.DataObject
) -> None:
    with played(history) as happened:
        extraction = happened.extraction
        cut = data.draw(st.integers(HEADER_SIZE, happened.sizes[-1][0]), "cut")
        with extraction.journal.open("r+b") as file:
            file.truncate(cut)
        expected = happened.truth_at(cut).copy()
        expected.start(life)
        foreseen = extraction.foresee(life)
        with extraction.open(life) as journal:
            found = done(journal), doubtful(journal)
            more = data.draw(positions, "more")
            journal.note(more, 0)
            expected.note(more)
        again = extraction.foresee(life)

        assert foreseen is not None
        assert (done(foreseen), doubtful(foreseen)) == found
        assert again is not None
        assert (set(found[0]) | set(more), set(found[1]) - set(more)) == (
            expected.noted,
            expected.doubtful,
        )
        assert (set(done(again)), set(doubtful(again))) == (expected.noted, expected.doubtful)


@settings(max_examples=150, deadline=None)
@given(history=histories, life=st.sampled_from(LIVES), data=st.data())
def test_a_flipped_bit_never_adds_a_position(
    history: list[tuple[str, object]], life: bytes, data: st.DataObject
) -> None:
    with played(history) as happened:
        extraction = happened.extraction
        content = bytearray(extraction.journal.read_bytes())
        bit = data.draw(st.integers(0, 8 * len(content) - 1), "bit")
        content[bit // 8] ^= 1 << bit % 8
        extraction.journal.write_bytes(content)
        with extraction.open(life) as journal:
            found = done(journal), doubtful(journal)

        if bit // 8 < HEADER_SIZE:
            assert found == ([], [])
        else:
            expected = happened.truth_at(bit // 8).copy()
            expected.start(life)
            assert (set(found[0]), set(found[1])) == (expected.noted, expected.doubtful)


@given(st.sets(st.integers(0, 300)), st.integers(0, 300))
def test_ranges_cover_what_they_were_made_of(members: set[int], size: int) -> None:
    ascending = np.array(sorted(members), np.int64)
    marks = np.zeros(size, np.bool_)
    mark_ranges(range_bytes(ascending), marks)

    assert set(np.flatnonzero(marks).tolist()) == {one for one in members if one < size}


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60))))
def test_ranges_may_overlap_and_come_in_any_order(ranges: list[tuple[int, int]]) -> None:
    marks = np.zeros(50, np.bool_)
    marks[7] = True
    mark_ranges(np.array(ranges, "<u4").reshape(-1, 2).tobytes(), marks)
    expected = {7}.union(*(range(begin, begin + count) for begin, count in ranges))

    assert set(np.flatnonzero(marks).tolist()) == {one for one in expected if one < 50}
