import errno
import os

import pytest

from desync_jobs.errors import InterruptedRunError, StoreError
from desync_jobs.mount.telling import Failures, Guarded


class Content:
    use_ns = True

    def __init__(self) -> None:
        self.error: Exception = StoreError("store s: no answer")

    def read(self, path: str, size: int) -> bytes:
        if path == "/good":
            return b"x" * size
        raise self.error


def test_answers_attributes_and_numbered_errors_pass_through() -> None:
    told = list[str]()
    content = Content()
    guarded = Guarded(content, Failures(told.append))
    content.error = OSError(errno.ENOENT, "none")

    assert guarded.use_ns is True
    assert not hasattr(guarded, "write")
    assert guarded.read("/good", 3) == b"xxx"
    with pytest.raises(OSError, match="none"):
        guarded.read("/bad", 3)
    assert told == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StoreError("store s: no answer"), ["store s: no answer"]),
        (KeyError("x"), ["defect in read: KeyError('x'); please report it"]),
        (InterruptedRunError("SIGTERM"), []),
    ],
)
def test_any_other_error_is_eio_and_told(error: Exception, expected: list[str]) -> None:
    told = list[str]()
    failures = Failures(told.append)
    content = Content()
    content.error = error

    for _ in range(3):
        with pytest.raises(OSError, match=os.strerror(errno.EIO).lower()):
            Guarded(content, failures).read("/bad", 3)
    assert told == expected
    assert failures.count == 3 * len(expected)


def test_only_so_many_different_messages_are_told_at_once() -> None:
    told = list[str]()
    failures = Failures(told.append)
    for number in range(1000):
        failures.note(f"chunk {number} is missing")

    assert len(told) == 21
    assert told[-1] == "further failures are counted, and not told for a minute"
    assert failures.count == 1000
