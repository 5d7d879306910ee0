"""`python -m bench.mounted HOW PLACE FILE COMMAND...`: read a file that COMMAND mounts at PLACE.

HOW is `sequential` or `random`: from its beginning to its end, or 4 KiB at each of 2,000 places by
8 readers. Nothing of it is in the kernel's memory before. The file system is unmounted
afterwards, and the exit code is that of COMMAND.
"""

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

READS: Final = 2000
READ_SIZE: Final = 4096
_READERS: Final = 8
_BLOCK: Final = 1 << 20
_WITHIN: Final = 30.0


def main(how: str, place: str, name: str, *command: str) -> int:
    """Mount, read, unmount."""
    os.makedirs(place, exist_ok=True)
    with subprocess.Popen(command) as process:
        end = time.monotonic() + _WITHIN
        while not os.path.ismount(place):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{' '.join(command)} mounts nothing")
            time.sleep(0.01)
        file = os.path.join(place, name)
        try:
            _in_a_row(file) if how == "sequential" else _at_random(file)
        finally:
            subprocess.run(["umount", place], check=True)
        return process.wait()


def _in_a_row(file: str) -> None:
    with open(file, "rb", buffering=0) as opened:
        while opened.read(_BLOCK):
            pass


def _at_random(file: str) -> None:
    rng = random.Random(1)
    with open(file, "rb", buffering=0) as opened:
        places = [rng.randrange(os.fstat(opened.fileno()).st_size) for _ in range(READS)]
        with ThreadPoolExecutor(_READERS) as readers:
            for data in readers.map(lambda at: os.pread(opened.fileno(), READ_SIZE, at), places):
                if not data:
                    raise RuntimeError(f"{file} has nothing where it should have")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
