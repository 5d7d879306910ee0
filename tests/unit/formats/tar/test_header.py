import tarfile

import pytest

from desync_jobs.errors import TarFormatError
from desync_jobs.formats.tar.header import Flavour, number, parse_header
from desync_jobs.formats.tar.writing import Fields, TarFormat, headers
from tests.tarballs import Given


def summed(block: bytes) -> bytes:
    """Return a header with the right checksum."""
    blank = block[:148] + b" " * 8 + block[156:]
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644),
        (b"   644 \0", 0o644),
        (b"644\0\0\0\0\0", 0o644),
        (b"77777777", 0o77777777),
        (b"\0" * 8, 0),
        (b" " * 8, 0),
        (b"\x80\0\0\0\0\0\1\0", 256),
        (b"\xff" * 8, -1),
        (b"\xff" * 6 + b"\0\0", -65536),
        (b"\x80" + b"\xff" * 11, (1 << 88) - 1),
    ],
)
def test_a_number_is_octal_or_binary(field: bytes, value: int) -> None:
    assert number(field, "number") == value


@pytest.mark.parametrize(
    "field", [b"0000648\0", b"-1\0\0\0\0\0\0", b"0x10\0\0\0\0", b"1_0\0\0\0\0\0"]
)
def test_what_is_no_number_is_refused(field: bytes) -> None:
    with pytest.raises(TarFormatError, match="in the place of its mode"):
        number(field, "mode")


@pytest.mark.parametrize("size", [b"\x80" + b"\xff" * 11, b"\xff" * 12])
def test_a_size_that_no_file_has_is_refused(size: bytes) -> None:
    block = headers(Fields(b"a", b"0", 0o644), TarFormat.GNU)

    with pytest.raises(TarFormatError, match="a header with the size"):
        parse_header(summed(block[:124] + size + block[136:]))


def test_a_long_name_is_in_two_parts_where_the_format_has_them() -> None:
    name = "d" * 120 + "/" + "n" * 90
    ustar = parse_header(Given(name).bytes(tarfile.USTAR_FORMAT)[:512])

    assert (ustar.flavour, ustar.name) == (Flavour.USTAR, name.encode())


def test_what_gnus_headers_have_after_the_owners_is_no_part_of_the_name() -> None:
    block = Given("a").bytes(tarfile.GNU_FORMAT)[:512]
    timed = summed(block[:345] + b"14000000000\0" + block[357:])

    assert parse_header(timed).name == b"a"


def test_times_of_star_are_no_part_of_the_name() -> None:
    block = Given("d" * 120 + "/n").bytes(tarfile.USTAR_FORMAT)[:512]
    star = summed(block[:476] + b"14000000000 14000000000 \0" + block[501:508] + b"tar\0")

    assert parse_header(star).name == b"d" * 120 + b"/n"


def test_an_old_header_has_no_names_of_owners() -> None:
    block = headers(Fields(b"a", b"0", 0o644, user=b"u", group=b"g"), TarFormat.PAX)
    old = parse_header(summed(block[:257] + bytes(8) + block[265:]))

    assert (old.flavour, old.user, old.group) == (Flavour.V7, b"", b"")


def test_a_checksum_may_be_of_bytes_with_a_sign() -> None:
    block = headers(Fields(b"\xff\xfe", b"0", 0o644), TarFormat.PAX)
    blank = block[:148] + b" " * 8 + block[156:]
    signed = sum(byte - 256 if byte > 127 else byte for byte in blank)

    assert parse_header(blank[:148] + b"%06o\0 " % signed + blank[156:]).name == b"\xff\xfe"
    with pytest.raises(TarFormatError, match="its checksum is wrong"):
        parse_header(blank[:148] + b"%06o\0 " % (signed + 1) + blank[156:])
