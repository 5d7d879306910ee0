import io

import pytest

from desync_jobs.report.whole import write_whole


class Sip(io.BytesIO):
    """A stream that takes at most three bytes at a time."""

    def write(self, data: object) -> int:
        return super().write(memoryview(data)[:3])  # type: ignore[arg-type]  # bytes-like


@pytest.mark.parametrize("data", [b"", b"ab", b"abcdefgh", memoryview(b"abcdefgh")])
def test_a_stream_that_takes_a_part_is_given_the_rest(data: bytes) -> None:
    stream = Sip()
    write_whole(stream, data)

    assert stream.getvalue() == bytes(data)


def test_a_stream_that_fails_raises() -> None:
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError, match="No space"):
        write_whole(full, b"data")
