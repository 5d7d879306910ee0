import pytest

from desync_jobs.errors import TarFormatError
from desync_jobs.formats.tar.pax import Records
from desync_jobs.formats.tar.sparse import Sparse, of_content, of_records


def regions(sparse: Sparse | None) -> list[tuple[int, int]]:
    assert sparse is not None
    return list(sparse.regions())


def of(records: Records) -> Sparse | None:
    return of_records(records, dict(records))


def test_stretches_without_bytes_are_left_out() -> None:
    found = of([(b"GNU.sparse.size", b"100"), (b"GNU.sparse.map", b"0,0,10,5,100,0")])

    assert regions(found) == [(10, 5)]


@pytest.mark.parametrize(
    "numbers",
    [
        b"10,5,12,5",
        b"10,5,5,5",
        b"95,10",
        b"10",
        b"0,101",
        b"99999999999999999999,1",
        b"x,1",
        b"-1,1",
    ],
)
def test_a_map_that_is_not_in_order_or_not_in_the_file_is_refused(numbers: bytes) -> None:
    with pytest.raises(TarFormatError, match="sparse file"):
        of([(b"GNU.sparse.size", b"100"), (b"GNU.sparse.map", numbers)])


def test_a_form_that_is_not_known_is_refused() -> None:
    with pytest.raises(TarFormatError, match="which is not known"):
        of([(b"GNU.sparse.major", b"2"), (b"GNU.sparse.minor", b"0")])


def test_a_map_before_the_content_may_go_on_in_several_blocks() -> None:
    count = 200
    lines = [b"%d" % count] + [b"%d\n%d" % (at * 1000, 7) for at in range(count)]
    data = b"\n".join(lines) + b"\n"
    data += bytes(-len(data) % 512)
    sparse, content = of_content(1 << 20, 512, lambda at: data[at - 512 : at])

    assert regions(sparse) == [(at * 1000, 7) for at in range(count)]
    assert content == 512 + len(data)


@pytest.mark.parametrize("data", [b"1" * 512, b"x\n" * 256, b"99999999\n" + bytes(503)])
def test_a_map_without_end_is_refused_at_once(data: bytes) -> None:
    read: list[int] = []

    def block(at: int) -> bytes:
        read.append(at)
        return data

    with pytest.raises(TarFormatError, match="sparse file"):
        of_content(1 << 20, 0, block)
    assert len(read) <= 2
