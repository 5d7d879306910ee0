"""What desync's examples name, on this machine: files, directories, servers."""

import functools
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

from tests.servers.own import OwnServer, followed
from tests.vectors.inputs import ctr
from tests.workspace import Workspace

PATIENCE: Final = 60
FIRST: Final = ctr(1_200_000, b"one")
SECOND: Final = FIRST[:500_000] + ctr(200_000, b"two") + FIRST[500_000:]
THIRD: Final = bytes(300_000) + ctr(100_000, b"three") + SECOND
BLOBS: Final = {"v1": FIRST, "v2": SECOND, "v3": THIRD}

_OWN_PATHS: Final = re.compile(r"(?<![\w./:-])/(tmp|path|some|local|mnt)(?=/)")
"""Where the examples have files, but for those after a host."""


def make_kit(directory: Path) -> Path:
    """Make what examples are given: blobs, their indexes, a store with all chunks, a tree."""
    workspace = Workspace(directory)
    for name, data in BLOBS.items():
        workspace.make(name, data, chunk_size="16KiB:64KiB:256KiB")
    tree = directory / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "file").write_bytes(ctr(300_000, b"tree"))
    (tree / "link").symlink_to("sub/file")
    (directory / "empty").mkdir()
    workspace.do("tar", directory="tree", index="tree.caidx", store="store")
    workspace.do("tar", directory="tree", archive="tree.catar")
    subprocess.run(["tar", "-C", tree, "-cf", directory / "tree.tar", "."], check=True)
    return directory


@dataclass(frozen=True)
class Site:
    """A directory that stands for the whole machine, and the hosts around it."""

    kit: Path
    root: Path
    environment: Mapping[str, str]
    hosts: Mapping[str, str]
    """What stands for which host, by the text that it replaces."""

    def provide(self, items: Mapping[str, str]) -> None:
        """Put things of the kit where the examples have them."""
        for path, item in items.items():
            place, source = self.at(path), self.kit / item
            place.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, place, symlinks=True)
            else:
                shutil.copyfile(source, place)

    def at(self, path: str) -> Path:
        """Return where a path of the examples is."""
        return self.root / path.lstrip("/")

    def here(self, text: str) -> str:
        """Return commands with the program, the hosts and the paths of this site."""
        text = re.sub(r"(^|[\s#|])desync (?!\|)", r"\1desync-run ", text)
        pattern = "|".join(map(re.escape, sorted(self.hosts, key=len, reverse=True)))
        if pattern:
            text = re.sub(pattern, lambda found: self.hosts[found[0]], text)
        return _OWN_PATHS.sub(rf"{self.root}/\1", text)

    def run(self, text: str, given: bytes = b"", **more: str) -> "subprocess.CompletedProcess[str]":
        """Run commands of the examples in a shell, to their end."""
        ended = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", self.here(text)],
            cwd=self.root,
            env={**self.environment, **more},
            input=given,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        output, errors = ended.stdout.decode(), ended.stderr.decode()
        assert ended.returncode == 0, errors
        return subprocess.CompletedProcess(ended.args, 0, output, errors)

    @contextmanager
    def started(self, text: str, said: str) -> Iterator[OwnServer]:
        """Run a command of the examples that goes on, once it has said so on standard error."""
        with (
            subprocess.Popen(
                ["bash", "-c", self.here(text).strip()],
                cwd=self.root,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            ) as process,
            followed(process) as server,
        ):
            try:
                server.said(said)
                yield server
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def web_server(directory: Path, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve the files of a directory on 127.0.0.1, and yield the port."""
    handler = functools.partial(_Handler, directory=os.fspath(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def program_in(directory: Path) -> Path:
    """Make a directory for PATH, in which there is the program."""
    directory.mkdir()
    program = directory / "desync-run"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -W error -m desync_jobs "$@"\n')
    program.chmod(0o755)
    return directory
