"""The numbers of the protocol, and the largest that are taken."""

from enum import IntEnum, IntFlag
from typing import Final

from desync_jobs.errors import InvalidDataError

MAGIC: Final = b"NBDMAGIC"
OPTION_MAGIC: Final = b"IHAVEOPT"
OPTION_REPLY_MAGIC: Final = 0x3E889045565A9
REQUEST_MAGIC: Final = 0x25609513
SIMPLE_REPLY_MAGIC: Final = 0x67446698
STRUCTURED_REPLY_MAGIC: Final = 0x668E33EF

PAYLOAD_LIMIT: Final = 32 << 20
"""Bytes of the largest read, and of the largest payload of a write: what every client assumes."""
OPTION_LIMIT: Final = 64 << 10
"""Bytes of the largest option."""
STRING_LIMIT: Final = 4096
"""Bytes of the longest string."""
ALLOCATION: Final = "base:allocation"
"""The metadata context that tells holes and zeros."""
ALLOCATION_ID: Final = 1
"""What that context is called in replies."""


class NbdFormatError(InvalidDataError):
    """A message breaks a rule of the protocol; there is no going on after it."""


class Handshake(IntFlag):
    """What the server tells first, and what the client answers."""

    FIXED_NEWSTYLE = 0x1
    NO_ZEROES = 0x2


class Option(IntEnum):
    """What a client may ask for while it negotiates."""

    EXPORT_NAME = 1
    ABORT = 2
    LIST = 3
    STARTTLS = 5
    INFO = 6
    GO = 7
    STRUCTURED_REPLY = 8
    LIST_META_CONTEXT = 9
    SET_META_CONTEXT = 10


class OptionReply(IntEnum):
    """What the server answers to an option."""

    ACK = 1
    SERVER = 2
    INFO = 3
    META_CONTEXT = 4
    ERR_UNSUP = 0x80000001
    ERR_INVALID = 0x80000003
    ERR_UNKNOWN = 0x80000006
    ERR_TOO_BIG = 0x80000009


class Info(IntEnum):
    """What a client may want to know of an export."""

    EXPORT = 0
    NAME = 1
    DESCRIPTION = 2
    BLOCK_SIZE = 3


class ExportFlag(IntFlag):
    """What an export can do."""

    HAS_FLAGS = 0x1
    READ_ONLY = 0x2
    SEND_DF = 0x80
    CAN_MULTI_CONN = 0x100
    SEND_CACHE = 0x400


class Command(IntEnum):
    """What a client may ask of an export."""

    READ = 0
    WRITE = 1
    DISC = 2
    FLUSH = 3
    TRIM = 4
    CACHE = 5
    WRITE_ZEROES = 6
    BLOCK_STATUS = 7
    RESIZE = 8


class CommandFlag(IntFlag):
    """How a command is meant."""

    FUA = 0x1
    """Meant for writes; some clients set it on others, which is allowed."""
    DF = 0x4
    """Not in pieces."""
    REQ_ONE = 0x8
    """One extent is enough."""


class ReplyType(IntEnum):
    """What a chunk of a structured reply holds."""

    NONE = 0
    OFFSET_DATA = 1
    OFFSET_HOLE = 2
    BLOCK_STATUS = 5
    ERROR = 0x8001


class State(IntFlag):
    """What `base:allocation` tells of an extent."""

    HOLE = 0x1
    ZERO = 0x2


class Errno(IntEnum):
    """Errors of replies, numbered as on Linux wherever the server runs."""

    EPERM = 1
    EIO = 5
    EINVAL = 22
    ESHUTDOWN = 108
