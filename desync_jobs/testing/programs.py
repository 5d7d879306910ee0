"""Programs that tests compare with: used where installed, demanded where CI says so."""

import os
import shutil
from typing import Final

import pytest

_INSTALL: Final = {
    "casync": "apt-get install casync",
    "desync": "go install github.com/folbricht/desync/cmd/desync@latest",
    "losetup": "apt-get install mount",
    "mke2fs": "apt-get install e2fsprogs",
    "mkfs.btrfs": "apt-get install btrfs-progs",
    "mkfs.xfs": "apt-get install xfsprogs",
    "nginx": "apt-get install nginx",
    "setpriv": "apt-get install util-linux",
    "ssh": "apt-get install openssh-client",
    "ssh-keygen": "apt-get install openssh-client",
    "sshd": "apt-get install openssh-server",
    "strace": "apt-get install strace",
}

_SYSTEM_PATH: Final = "/usr/sbin:/sbin"
"""Not on everybody's PATH."""


def require_program(name: str) -> str:
    """Return the path of a program; without it, skip the test, or fail it where CI=true."""
    path = shutil.which(name) or shutil.which(name, path=_SYSTEM_PATH)
    if path is not None:
        return path
    reason = f"{name} is not installed ({_INSTALL.get(name, name)})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
