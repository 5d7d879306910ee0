"""Programs killed when they have done a part of their work, so that going on can be timed."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence

_ATTEMPTS = 20
_SECTOR = 512


def killed_at(
    share: float, arguments: Sequence[str], folder: str, whole: str
) -> Callable[[], None]:
    """Return a function that empties `folder` and leaves in it what a killed program wrote.

    The program is killed when `folder` takes `share` of the room that the file `whole` takes.
    """

    def prepare() -> None:
        enough = share * _room(whole)
        for _ in range(_ATTEMPTS):
            shutil.rmtree(folder, ignore_errors=True)
            os.mkdir(folder)
            if _killed(arguments, folder, enough):
                return
        raise RuntimeError(f"{' '.join(arguments)} always ended before it could be killed")

    return prepare


def _killed(arguments: Sequence[str], folder: str, enough: float) -> bool:
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    while process.poll() is None and _filled(folder) < enough:
        time.sleep(0.001)
    process.kill()
    return process.wait() != 0


def _filled(folder: str) -> int:
    total = 0
    for entry in os.scandir(folder):
        try:
            total += _room(entry.path)
        except FileNotFoundError:  # renamed since it was listed
            continue
    return total


def _room(path: str) -> int:
    return os.stat(path).st_blocks * _SECTOR
