"""The negotiation with one client: its options, one after the other, until it begins."""

from dataclasses import dataclass
from typing import Final

from desync_jobs.formats.nbd import handshake
from desync_jobs.formats.nbd.values import (
    ALLOCATION,
    ALLOCATION_ID,
    OPTION_LIMIT,
    PAYLOAD_LIMIT,
    Handshake,
    Info,
    NbdFormatError,
    Option,
    OptionReply,
)
from desync_jobs.server.nbd.channel import Channel
from desync_jobs.server.nbd.export import Export

_WITHIN: Final = 30.0
_MOST_OPTIONS: Final = 128
_PREFERRED_BLOCK: Final = 4096


@dataclass(slots=True)
class Agreed:
    """What was negotiated so far."""

    structured: bool = False
    """Whether replies are structured."""
    allocation: bool = False
    """Whether the client may ask where there are holes."""


class Negotiation:
    """Negotiates over `channel` about `export`, in a time and with a number of options."""

    def __init__(self, channel: Channel, export: Export, within: float = _WITHIN) -> None:
        self._channel = channel
        self._export = export
        self._within = within
        self._agreed = Agreed()
        self._zeroes = True
        self._option = 0

    def run(self) -> Agreed | None:
        """Return what was agreed; None where the client wants no more.

        Raises `NbdFormatError` for a client that breaks the protocol, and `OSError`.
        """
        channel = self._channel
        channel.expect_within(self._within)
        channel.send(handshake.greeting())
        flags = handshake.parse_client_flags(channel.take(handshake.CLIENT_FLAGS_SIZE))
        self._zeroes = not flags & Handshake.NO_ZEROES
        for _ in range(_MOST_OPTIONS):
            header = channel.take_or_end(handshake.OPTION_HEADER_SIZE)
            if header is None:
                return None
            self._option, length = handshake.parse_option_header(header)
            if length > OPTION_LIMIT:
                self._reply(OptionReply.ERR_TOO_BIG)
                raise NbdFormatError(f"an option of {length} bytes")
            data = channel.take(length)
            if self._option == Option.ABORT:
                self._reply(OptionReply.ACK)
                return None
            if self._begins(data):
                channel.expect_within(None)
                return self._agreed
        raise NbdFormatError("a client with too many options")

    def _begins(self, data: bytes) -> bool:
        """Answer an option; tell whether requests come next."""
        if self._option == Option.EXPORT_NAME:
            return self._export_name(data)
        try:
            match self._option:
                case Option.LIST:
                    self._list(data)
                case Option.STRUCTURED_REPLY:
                    self._structured_reply(data)
                case Option.LIST_META_CONTEXT | Option.SET_META_CONTEXT:
                    self._contexts(data)
                case Option.INFO | Option.GO:
                    return self._info(data) and self._option == Option.GO
                case _:  # encryption among them
                    self._reply(OptionReply.ERR_UNSUP)
        except NbdFormatError as error:
            self._reply(OptionReply.ERR_INVALID, str(error).encode())
        return False

    def _export_name(self, data: bytes) -> bool:
        name = handshake.parse_export_name(data)
        if not self._export.called(name):
            raise NbdFormatError(f"there is no export {name!r}")  # this option has no other no
        flags = self._export.flags(structured=self._agreed.structured)
        self._channel.send(handshake.export_reply(self._export.size, flags, zeroes=self._zeroes))
        return True

    def _list(self, data: bytes) -> None:
        _need_no(data)
        self._reply(OptionReply.SERVER, handshake.server_data(self._export.name))
        self._reply(OptionReply.ACK)

    def _structured_reply(self, data: bytes) -> None:
        _need_no(data)
        self._agreed.structured = True
        self._reply(OptionReply.ACK)

    def _info(self, data: bytes) -> bool:
        wanted = handshake.parse_wanted_export(data)
        export = self._export
        if not self._known(wanted.name):
            return False
        flags = export.flags(structured=self._agreed.structured)
        infos = [handshake.info_export(export.size, flags)]
        if Info.NAME in wanted.infos:
            infos.append(handshake.info_text(Info.NAME, export.name))
        if Info.DESCRIPTION in wanted.infos and export.description:
            infos.append(handshake.info_text(Info.DESCRIPTION, export.description))
        if Info.BLOCK_SIZE in wanted.infos:
            infos.append(handshake.info_block_size(1, _PREFERRED_BLOCK, PAYLOAD_LIMIT))
        for info in infos:
            self._reply(OptionReply.INFO, info)
        self._reply(OptionReply.ACK)
        return True

    def _contexts(self, data: bytes) -> None:
        wanted = handshake.parse_wanted_contexts(data)
        if not self._agreed.structured:
            raise NbdFormatError("metadata contexts need structured replies")
        chooses = self._option == Option.SET_META_CONTEXT
        if chooses:
            self._agreed.allocation = False
        if not self._known(wanted.name):
            return
        chosen = handshake.selected(wanted.queries, ALLOCATION, every=not chooses)
        if chosen:
            number = ALLOCATION_ID if chooses else 0
            self._reply(OptionReply.META_CONTEXT, handshake.context_data(number, ALLOCATION))
        if chooses:
            self._agreed.allocation = chosen
        self._reply(OptionReply.ACK)

    def _known(self, name: str) -> bool:
        known = self._export.called(name)
        if not known:
            self._reply(OptionReply.ERR_UNKNOWN, b"there is no such export")
        return known

    def _reply(self, reply: OptionReply, data: bytes = b"") -> None:
        self._channel.send(handshake.option_reply(self._option, reply, data))


def _need_no(data: bytes) -> None:
    if data:
        raise NbdFormatError("an option with data that has none")
