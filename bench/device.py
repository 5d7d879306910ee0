"""`python -m bench.device SOCKET COMMAND...`: read a whole device that COMMAND serves over NBD.

qemu-img copies it to nowhere, eight requests in flight. The server is stopped afterwards, and the
exit code is its own.
"""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Final

_WITHIN: Final = 30.0
_ENDED: Final = (0, -signal.SIGTERM)


def main(socket: str, *command: str) -> int:
    """Serve, read, stop."""
    with subprocess.Popen(command) as process:
        end = time.monotonic() + _WITHIN
        while not os.path.exists(socket):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{' '.join(command)} serves nothing")
            time.sleep(0.01)
        try:
            url = f"nbd+unix:///?socket={socket}"
            nowhere = ["-n", "--target-image-opts", f"driver=null-co,size={_size(url)}"]
            subprocess.run(["qemu-img", "convert", "-f", "raw", url, *nowhere], check=True)
        finally:
            process.terminate()
        return 0 if process.wait() in _ENDED else 1


def _size(url: str) -> int:
    told = subprocess.run(
        ["qemu-img", "info", "--output=json", "-f", "raw", url], check=True, capture_output=True
    )
    size: int = json.loads(told.stdout)["virtual-size"]
    return size


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
