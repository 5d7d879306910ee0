"""Programs that tests compare with: used where installed, demanded where CI says so."""

import os
import shutil
from importlib import import_module, metadata
from typing import Final, NoReturn

import pytest

INSTALL_CEPH: Final = (
    "apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common"
)
_INSTALL: Final = {
    "bsdtar": "apt-get install libarchive-tools",
    "casync": "apt-get install casync",
    "ceph": INSTALL_CEPH,
    "ceph-authtool": INSTALL_CEPH,
    "ceph-mon": INSTALL_CEPH,
    "ceph-osd": INSTALL_CEPH,
    "chromium": "apt-get install --no-install-recommends chromium",
    "docker-registry": "apt-get install docker-registry",
    "fusermount3": "apt-get install fuse3",
    "groff": "apt-get install groff-base",
    "losetup": "apt-get install mount",
    "mke2fs": "apt-get install e2fsprogs",
    "mkfs.btrfs": "apt-get install btrfs-progs",
    "mkfs.xfs": "apt-get install xfsprogs",
    "monmaptool": INSTALL_CEPH,
    "nbd-client": "apt-get install nbd-client",
    "nginx": "apt-get install nginx",
    "qemu-img": "apt-get install qemu-utils",
    "qemu-io": "apt-get install qemu-utils",
    "radosgw": INSTALL_CEPH,
    "radosgw-admin": INSTALL_CEPH,
    "setpriv": "apt-get install util-linux",
    "sftp-server": "apt-get install openssh-sftp-server",
    "ssh": "apt-get install openssh-client",
    "ssh-keygen": "apt-get install openssh-client",
    "sshd": "apt-get install openssh-server",
    "strace": "apt-get install strace",
    "systemd-analyze": "apt-get install systemd",
    "tar": "apt-get install tar",
}

_DESYNC: Final = "go install github.com/folbricht/desync/cmd/desync@latest"
_DEVELOPMENT: Final = "pip install -e '.[dev]'"

_SYSTEM_PATH: Final = "/usr/sbin:/sbin:/usr/lib/openssh:/usr/libexec/openssh"
"""Not on everybody's PATH."""


def require_program(name: str) -> str:
    """Return the path of a program; without it, skip the test, or fail it where CI=true."""
    path = shutil.which(name) or shutil.which(name, path=_SYSTEM_PATH)
    return path or _miss(f"{name} is not installed ({_INSTALL.get(name, name)})")


def desync_program() -> str:
    """Return the path of desync; without it, skip the test, in CI too: nobody packages it."""
    path = shutil.which("desync")
    if path is None:
        pytest.skip(f"desync is not installed ({_DESYNC})")
    return path


def require_module(name: str) -> None:
    """Return where a Python module is installed; without it, skip the test, or fail it in CI."""
    try:
        import_module(name)
    except ImportError:
        _miss(f"{name} is not installed ({_DEVELOPMENT})")


def require_packaged(distribution: str, name: str) -> str:
    """Return the path of a program that a Python distribution brings; else as `require_module`."""
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        files = []
    paths = [str(file.locate()) for file in files if file.name == name]
    return (
        paths[0] if paths else _miss(f"{name} of {distribution} is not installed ({_DEVELOPMENT})")
    )


def _miss(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
