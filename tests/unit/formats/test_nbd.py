"""Messages of NBD: the bytes of the protocol's document, and what is refused."""

import struct

import pytest

from desync_jobs.formats.nbd import handshake, transmission
from desync_jobs.formats.nbd.values import (
    Errno,
    ExportFlag,
    Info,
    NbdFormatError,
    OptionReply,
    State,
)


def test_the_greeting_offers_fixed_newstyle_without_padding() -> None:
    assert handshake.greeting() == bytes.fromhex("4e42444d41474943 49484156454f5054 0003")


@pytest.mark.parametrize("flags", [0, 2, 4, 5, 0xFFFFFFFF])
def test_a_client_that_is_not_fixed_newstyle_is_refused(flags: int) -> None:
    with pytest.raises(NbdFormatError, match="handshake flags"):
        handshake.parse_client_flags(struct.pack(">I", flags))


def test_an_option_begins_with_its_magic_number() -> None:
    assert handshake.parse_option_header(b"IHAVEOPT\0\0\0\x07\0\0\0\x09") == (7, 9)
    with pytest.raises(NbdFormatError, match="magic number"):
        handshake.parse_option_header(b"IHAVEOPS\0\0\0\x07\0\0\0\x09")


def test_an_export_is_wanted_with_what_is_to_be_known_of_it() -> None:
    data = b"\0\0\0\x04disk\0\x02\0\x01\0\x03"

    assert handshake.parse_wanted_export(data) == handshake.WantedExport("disk", (1, 3))
    assert handshake.parse_wanted_export(bytes(6)) == handshake.WantedExport("", ())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "lacks 4 bytes"),
        (b"\0\0\0", "lacks 1 bytes"),
        (b"\xff\xff\xff\xffdisk", "lacks 4294967291 bytes"),
        (b"\0\0\0\x04disk", "lacks 2 bytes"),
        (b"\0\0\0\x04disk\0\x01", "lacks 2 bytes"),
        (b"\0\0\0\x04disk\0\0x", "1 bytes too many"),
        (b"\0\0\0\x01\xff\0\0", "not UTF-8"),
        (b"\0\0\0\x01\0\0\0", "NUL"),
        (struct.pack(">I", 4097) + bytes(4097) + bytes(2), "4097 bytes; 4096 are possible"),
    ],
)
def test_data_of_an_option_that_do_not_add_up_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(NbdFormatError, match=why):
        handshake.parse_wanted_export(data)


def test_a_number_of_queries_is_not_believed() -> None:
    with pytest.raises(NbdFormatError, match="lacks 4 bytes"):
        handshake.parse_wanted_contexts(b"\0\0\0\0\xff\xff\xff\xff")


def test_contexts_are_wanted_by_queries() -> None:
    data = b"\0\0\0\x01d\0\0\0\x02\0\0\0\x05base:\0\0\0\0"

    assert handshake.parse_wanted_contexts(data) == handshake.WantedContexts("d", ("base:", ""))


@pytest.mark.parametrize(
    ("queries", "listed", "chosen"),
    [
        ((), True, False),
        (("base:",), True, False),
        (("base:allocation",), True, True),
        (("qemu:", "base:allocation"), True, True),
        (("qemu:",), False, False),
        (("base:allocatio", "base:allocation:"), False, False),
    ],
)
def test_a_query_lists_a_namespace_but_chooses_by_the_whole_name(
    queries: tuple[str, ...], *, listed: bool, chosen: bool
) -> None:
    assert handshake.selected(queries, "base:allocation", every=True) == listed
    assert handshake.selected(queries, "base:allocation", every=False) == chosen


def test_answers_to_options_have_the_bytes_of_the_document() -> None:
    flags = ExportFlag.HAS_FLAGS | ExportFlag.READ_ONLY
    magic = bytes.fromhex("0003e889045565a9")

    assert handshake.option_reply(8, OptionReply.ACK) == magic + struct.pack(">III", 8, 1, 0)
    assert handshake.option_reply(5, OptionReply.ERR_UNSUP, b"no") == (
        magic + struct.pack(">III", 5, 0x80000001, 2) + b"no"
    )
    assert handshake.export_reply(1 << 40, flags, zeroes=False) == struct.pack(">QH", 1 << 40, 3)
    assert len(handshake.export_reply(1, flags, zeroes=True)) == 134
    assert handshake.info_export(9, flags) == struct.pack(">HQH", 0, 9, 3)
    assert handshake.info_text(Info.NAME, "é") == b"\0\x01\xc3\xa9"
    assert handshake.info_block_size(1, 4096, 1 << 25) == struct.pack(">HIII", 3, 1, 4096, 1 << 25)
    assert handshake.server_data("disk") == b"\0\0\0\x04disk"
    assert handshake.context_data(1, "base:allocation") == b"\0\0\0\x01base:allocation"


def test_a_request_is_read_whatever_it_asks_for() -> None:
    data = bytes.fromhex("25609513 0004 0000 0102030405060708 0000000000001000 00000200")

    assert transmission.parse_request(data) == transmission.Request(
        command=0, flags=4, cookie=0x0102030405060708, offset=4096, length=512
    )
    assert transmission.parse_request(b"\x25\x60\x95\x13" + b"\xff" * 24).length == 0xFFFFFFFF
    with pytest.raises(NbdFormatError, match="magic number 0x25609514"):
        transmission.parse_request(b"\x25\x60\x95\x14" + bytes(24))


def test_replies_have_the_bytes_of_the_document() -> None:
    head = struct.Struct(">IHHQI")

    def chunk(flags: int, kind: int, size: int) -> bytes:
        return head.pack(0x668E33EF, flags, kind, 7, size)

    assert transmission.simple_reply(7) == struct.pack(">IIQ", 0x67446698, 0, 7)
    assert transmission.simple_reply(7, Errno.EIO) == struct.pack(">IIQ", 0x67446698, 5, 7)
    assert transmission.done_chunk(7) == chunk(1, 0, 0)
    assert transmission.data_chunk(7, 512, 100, done=False) == (
        chunk(0, 1, 108) + struct.pack(">Q", 512)
    )
    assert transmission.hole_chunk(7, 512, 100, done=True) == (
        chunk(1, 2, 12) + struct.pack(">QI", 512, 100)
    )
    assert transmission.status_chunk(7, 1, [(100, State(0)), (28, State.HOLE | State.ZERO)]) == (
        chunk(1, 5, 20) + struct.pack(">IIIII", 1, 100, 0, 28, 3)
    )
    assert transmission.error_chunk(7, Errno.EPERM, "no") == (
        chunk(1, 0x8001, 8) + struct.pack(">IH", 1, 2) + b"no"
    )


def test_a_long_message_is_cut_at_a_whole_letter() -> None:
    chunk = transmission.error_chunk(7, Errno.EIO, "x" + "é" * 600)

    assert struct.unpack(">H", chunk[24:26]) == (1023,)
    assert chunk[26:].decode() == "x" + "é" * 511
