"""Requests that are not answered, and why."""

from collections.abc import Mapping
from typing import Final

from desync_jobs.formats.nbd.transmission import Request
from desync_jobs.formats.nbd.values import PAYLOAD_LIMIT, Command, CommandFlag, Errno
from desync_jobs.server.nbd.negotiation import Agreed

_CHANGES: Final = (Command.WRITE, Command.TRIM, Command.WRITE_ZEROES, Command.RESIZE)
_OFFERED: Final[Mapping[int, CommandFlag]] = {
    Command.READ: CommandFlag.DF,
    Command.CACHE: CommandFlag(0),
    Command.BLOCK_STATUS: CommandFlag.REQ_ONE,
}
"""What is offered, and the flags that each command may have."""


def refused(request: Request, size: int, agreed: Agreed) -> tuple[Errno, str] | None:
    """Say why `request` to a device of `size` bytes is refused; None where it is not."""
    command, flags = request.command, request.flags
    allowed = _OFFERED.get(command, CommandFlag(0)) | CommandFlag.FUA
    asks_status = command == Command.BLOCK_STATUS
    reasons = (
        (command in _CHANGES, Errno.EPERM, "this device is only read"),
        (command not in _OFFERED, Errno.EINVAL, "this command is not offered"),
        (
            asks_status and not agreed.allocation,
            Errno.EINVAL,
            "no metadata context was negotiated",
        ),
        (flags & ~int(allowed), Errno.EINVAL, "a flag that this command has not"),
        (
            flags & CommandFlag.DF and not agreed.structured,
            Errno.EINVAL,
            "reads in one piece need structured replies",
        ),
        (request.offset + request.length > size, Errno.EINVAL, "past the end of the device"),
        (
            command == Command.READ and request.length > PAYLOAD_LIMIT,
            Errno.EINVAL,
            f"more than {PAYLOAD_LIMIT} bytes",
        ),
        (asks_status and not request.length, Errno.EINVAL, "the status of nothing"),
    )
    return next(((error, message) for wrong, error, message in reasons if wrong), None)
