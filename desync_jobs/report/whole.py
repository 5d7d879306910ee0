"""Writing to a stream until it has taken everything."""

from typing import BinaryIO


def write_whole(stream: BinaryIO, data: bytes | bytearray | memoryview) -> None:
    """Write all of `data`, or raise the `OSError` that prevents it.

    With `PYTHONUNBUFFERED` set, as in many containers, standard output is not
    buffered: a pipe may then take a part and say how much, which is no error.
    """
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[stream.write(rest) :]
