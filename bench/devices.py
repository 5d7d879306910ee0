"""What is timed of block devices: a blob read over NBD, beside the image itself by qemu-nbd."""

import shutil
import sys

from bench.timing import Command
from bench.works import OURS, Folder, Work


def device_works(folder: Folder, size: int) -> list[Work]:
    """Return the works; nothing where there is no qemu.

    Expects `image`, `image.caibx` and `store.castr`.
    """
    if shutil.which("qemu-img") is None or shutil.which("qemu-nbd") is None:
        return []
    socket = folder.at("device.sock")
    blob = f"nbd-server -q -s {folder.at('store.castr')} --socket {socket}"
    lines = {
        "desync-run": [*OURS, *blob.split(), folder.at("image.caibx")],
        "qemu-nbd": ["qemu-nbd", "-r", "-f", "raw", "-t", "-k", socket, folder.at("image")],
    }
    commands = [
        Command(
            program,
            [sys.executable, "-m", "bench.device", socket, *line],
            folder.emptied("device.sock"),
        )
        for program, line in lines.items()
    ]
    return [Work("NBD, whole blob", size, tuple(commands))]
