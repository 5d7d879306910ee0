"""Whoever connects while a server ends: turned away by the system, before anything is promised.

Closing a socket that listens resets the connections that the system made there and nobody accepted
yet, with the requests that were sent on them. So newcomers are kept out first, by a packet filter
on the socket that drops the first packet of a new connection (socket(7), `SO_ATTACH_FILTER`); those
who were let in before are accepted, and only then the socket is closed. Whoever was kept out
tries again after a second, as TCP does, and is refused, or let in by whatever listens then.
"""

import ctypes
import socket
import struct
from typing import Final

_SO_ATTACH_FILTER: Final = 26
_UNACKED_AT: Final = 24
"""Where `struct tcp_info` has `tcpi_unacked`: of a socket that listens, how many wait there."""
_INFO_SIZE: Final = 104
_SYN_WITHOUT_ACK: Final = (
    (0x30, 0, 0, 13),  # load the flags of the TCP header
    (0x54, 0, 0, 0x12),  # of these SYN and ACK
    (0x15, 0, 1, 0x02),  # is it SYN alone?
    (0x06, 0, 0, 0),  # then take nothing of the packet,
    (0x06, 0, 0, 0xFFFFFFFF),  # else all
)
"""Instructions of the classic packet filter: code, jumps if true and if false, operand."""


def keep_out(listener: socket.socket) -> None:
    """Let nobody else begin to connect; `OSError` where the system cannot do that."""
    program = b"".join(struct.pack("HBBI", *one) for one in _SYN_WITHOUT_ACK)
    kept = ctypes.create_string_buffer(program, len(program))
    address = ctypes.addressof(kept)
    described = struct.pack("HP", len(_SYN_WITHOUT_ACK), address)
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


def waiting(listener: socket.socket) -> int:
    """Return how many connections nobody has accepted yet."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
    count: int = struct.unpack_from("I", info, _UNACKED_AT)[0]
    return count
