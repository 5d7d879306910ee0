"""Block devices of this machine's kernel, attached to a server of NBD by `nbd-client`."""

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from desync_jobs.errors import ServerError, StoreError
from desync_jobs.planner.operations.mkdev import DeviceFacts
from desync_jobs.stores.command import output_of
from desync_jobs.stores.policy.values import Stopper

BLOCK: Final = 512
"""Bytes of a block of the device; those of every file system are as many or more."""
_PROGRAM: Final = "nbd-client"
_DEVICE: Final = re.compile(r"nbd\d+")
_WITHIN: Final = 60.0


def device_facts(wanted: str | None, system: str = "/sys") -> DeviceFacts:
    """Look whether the kernel has such devices, and at `wanted`, or the first that is free.

    `system` is where sysfs is.
    """
    folder = os.path.join(system, "block")
    names: list[str] = []
    with suppress(FileNotFoundError):
        names = [name for name in os.listdir(folder) if _DEVICE.fullmatch(name)]
    names.sort(key=lambda name: int(name.removeprefix("nbd")))
    free = [name for name in names if not os.path.exists(os.path.join(folder, name, "pid"))]
    device = wanted
    if device is None and free:
        device = f"/dev/{free[0]}"
    name = "" if device is None else os.path.basename(os.path.realpath(device))
    client = shutil.which(_PROGRAM) is not None
    return DeviceFacts(bool(names), device, name in names, name in free, client)


def attach_command(device: str, socket: str, name: str) -> list[str]:
    """Return what attaches `device` to the export `name` of the server at `socket`."""
    options = ["-name", name, "-readonly", "-block-size", str(BLOCK)]
    return [_PROGRAM, *options, "-unix", socket, device]


def detach_command(device: str) -> list[str]:
    """Return what detaches `device`."""
    return [_PROGRAM, "-d", device]


def run_client(command: Sequence[str], what: str, stopper: Stopper) -> None:
    """Run `command`; `ServerError`, which begins with `what`, where it fails."""
    try:
        output_of(command, what, "/", stopper, _WITHIN)
    except StoreError as error:
        raise ServerError(str(error)) from error
