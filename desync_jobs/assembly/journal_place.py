"""Where journals lie: beside a file, and for devices in a folder that survives a reboot.

That folder is `$XDG_STATE_HOME/desync-run/journals`; where the variable is not set,
`/var/lib/desync-run/journals` for root and `~/.local/state/desync-run/journals` for others. A
journal there is named by what identifies the device after the next boot, or by its number where
nothing does; such a journal is believed during this boot only.
"""

import os
import stat
from hashlib import blake2b
from typing import Final

from desync_jobs.assembly.device_identity import stable_identity
from desync_jobs.assembly.hidden import hidden_path

_OF_ROOT: Final = "/var/lib"
_OF_USERS: Final = "~/.local/state"


def journal_path(target: str) -> str:
    """Return where the journal of extractions to `target` is, whether there is one or not."""
    try:
        found = os.stat(target)
    except OSError:
        return hidden_path(target, "journal")
    if not stat.S_ISBLK(found.st_mode):
        return hidden_path(target, "journal")
    return os.path.join(state_folder(), f"{_name(found.st_rdev)}.journal")


def state_folder() -> str:
    """Return the folder of journals of devices, whether it exists or not."""
    given = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(given):
        home = given
    else:
        home = _OF_ROOT if os.geteuid() == 0 else os.path.expanduser(_OF_USERS)
    return os.path.join(home, "desync-run", "journals")


def _name(device: int) -> str:
    identity = stable_identity(device)
    if identity is None:
        return f"device-{os.major(device)}-{os.minor(device)}"
    return blake2b(os.fsencode(identity), digest_size=16).hexdigest()
