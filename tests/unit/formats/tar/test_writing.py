import pytest

from desync_jobs.formats.tar.header import BLOCK
from desync_jobs.formats.tar.member import Member
from desync_jobs.formats.tar.reading import TarReader
from desync_jobs.formats.tar.writing import END, Fields, TarFormat, headers, padding

SECOND = 10**9


def read_back(fields: Fields, form: TarFormat) -> Member:
    """Return the member that is read from a stream of these fields, whose content is zeros."""
    written = headers(fields, form)
    size = len(written) + fields.size + len(padding(fields.size))

    def read(at: int, count: int) -> bytes:
        return (written[at : at + count] + bytes(count))[: max(min(count, size - at), 0)]

    (found,) = TarReader("stream", size, read).members()
    assert len(written) % BLOCK == 0
    return found


@pytest.mark.parametrize("form", TarFormat)
@pytest.mark.parametrize(
    "fields",
    [
        Fields(b"a", b"0", 0o644),
        Fields(b"n" * 100, b"0", 0o7777, user=b"u" * 31, group=b"g" * 31),
        Fields(b"p/" * 150 + b"n", b"2", 0o777, target=b"t" * 4095),
        Fields(b"x" * 255, b"0", 0, uid=4_294_967_294, gid=2_097_152, mtime_ns=-2 * SECOND),
        Fields(b"large", b"0", 0o600, size=(1 << 40) + 1, mtime_ns=(1 << 33) * SECOND),
        Fields(b"small", b"0", 0o600, size=(1 << 33) - 1, mtime_ns=((1 << 33) - 1) * SECOND),
        Fields(b"\xff" * 150, b"0", 0o600),
        Fields(b"d/", b"5", 0o1777),
        Fields(b"device", b"3", 0o600, major=4095, minor=1_048_575),
    ],
)
def test_what_headers_say_is_read_back(fields: Fields, form: TarFormat) -> None:
    found = read_back(fields, form)

    assert (found.path, found.mode & 0o7777, found.size) == (fields.path, fields.mode, fields.size)
    assert (found.uid, found.gid, found.mtime_ns) == (fields.uid, fields.gid, fields.mtime_ns)
    assert (found.user, found.group, found.target) == (fields.user, fields.group, fields.target)
    assert (found.major, found.minor) == (fields.major, fields.minor)


def test_a_time_has_its_fraction_where_the_format_has_a_place_for_it() -> None:
    fields = Fields(b"a", b"0", 0o644, mtime_ns=-1_500_000_001)

    assert read_back(fields, TarFormat.PAX).mtime_ns == -1_500_000_001
    assert read_back(fields, TarFormat.GNU).mtime_ns == -2 * SECOND


def test_a_name_of_an_owner_may_be_long_in_posixs_format() -> None:
    fields = Fields(b"a", b"0", 0o644, user=b"u" * 255)

    assert read_back(fields, TarFormat.PAX).user == b"u" * 255
    assert read_back(fields, TarFormat.GNU).user == b"u" * 31


def test_nothing_is_said_twice() -> None:
    assert len(headers(Fields(b"n" * 100, b"0", 0o644), TarFormat.PAX)) == BLOCK
    assert len(END) == 2 * BLOCK
