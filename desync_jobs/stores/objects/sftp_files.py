"""Files below a directory on an SFTP server, written beside their place and renamed into it.

A writer that was killed leaves a temporary file, `NAME.RANDOM.tmp` as casync calls it; it is never
listed, and no other reads it.
"""

import re
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from secrets import token_hex
from typing import Final, TypeAlias

import asyncssh

from desync_jobs.stores.bridge import Bridge
from desync_jobs.stores.objects.base import NOWHERE, ObjectEntry, TooLarge
from desync_jobs.stores.objects.files import Step
from desync_jobs.stores.objects.links import Way
from desync_jobs.stores.objects.sftp_session import SftpSession
from desync_jobs.stores.policy.values import Policy

_TEMPORARY: Final = re.compile(r".+\.[0-9a-f]{1,16}\.tmp|\.tmp-cacnk\.?[0-9]+", re.DOTALL)
_ID_LENGTH: Final = 64


Publish: TypeAlias = Callable[[asyncssh.SFTPClient, str, str], Awaitable[bool]]
"""Gives a file that is written the name it is to have; tells whether it did."""


class SftpFiles:
    """`Files` below the directory `root`, an absolute path."""

    def __init__(self, bridge: Bridge, session: SftpSession, root: str, policy: Policy) -> None:
        self._bridge = bridge
        self._session = session
        self._root = root.rstrip("/")
        self._policy = policy

    def read(self, name: str, limit: int) -> bytes | TooLarge | None:
        return self._bridge.run(self._read(self._path(name), limit), self._policy.time_for(limit))

    def size(self, name: str) -> int | None:
        return self._bridge.run(self._size(self._path(name)), self._policy.timeout)

    def write(self, name: str, data: bytes, content_type: str) -> None:
        del content_type
        written = self._write(self._path(name), data, _rename)
        self._bridge.run(written, self._policy.time_for(len(data)))

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        del content_type
        written = self._write(self._path(name), data, _rename_to_new)
        return self._bridge.run(written, self._policy.time_for(len(data)))

    def remove(self, name: str) -> None:
        self._bridge.run(self._remove(self._path(name)), self._policy.timeout)

    def first_step(self, prefix: str) -> Step:
        return Step(prefix.rpartition("/")[0])

    def step(self, step: Step) -> tuple[list[ObjectEntry], list[Step]]:
        return self._bridge.run(self._list(step), self._policy.timeout)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root or "/"

    async def _read(self, path: str, limit: int) -> bytes | TooLarge | None:
        async with self._session.client() as client:
            try:
                file = await client.open(path, "rb", encoding=None)
            except asyncssh.SFTPNoSuchFile:
                return None
            async with file:
                size = (await file.stat()).size
                if size is not None and size > limit:
                    return TooLarge(size)
                data = await file.read(limit + 1 if size is None else size)
        if not isinstance(data, bytes) or (size is not None and len(data) != size):
            raise ConnectionError(f"{len(data)} of {size} bytes were received")
        return data if len(data) <= limit else TooLarge()

    async def _size(self, path: str) -> int | None:
        async with self._session.client() as client:
            try:
                found = await client.stat(path)
            except asyncssh.SFTPNoSuchFile:
                return None
        if found.permissions is not None and not stat.S_ISREG(found.permissions):
            return None
        return -1 if found.size is None else found.size

    async def _write(self, path: str, data: bytes, publish: Publish) -> bool:
        async with self._session.client() as client:
            folder, _, name = path.rpartition("/")
            temporary = f"{folder}/{name[:_ID_LENGTH]}.{token_hex(8)}.tmp"
            try:
                file = await client.open(temporary, "xb", encoding=None)
            except asyncssh.SFTPNoSuchFile:
                await _make_folder(client, folder)
                file = await client.open(temporary, "xb", encoding=None)
            try:
                async with file:
                    await file.write(data)
                    await _sync(file)
                published = await publish(client, temporary, path)
            except asyncssh.SFTPError:
                with suppress(asyncssh.SFTPError):
                    await client.remove(temporary)
                raise
            if not published:
                await client.remove(temporary)
            return published

    async def _remove(self, path: str) -> None:
        async with self._session.client() as client:
            with suppress(asyncssh.SFTPNoSuchFile):
                await client.remove(path)

    async def _list(self, step: Step) -> tuple[list[ObjectEntry], list[Step]]:
        folder = step.prefix
        entries: list[ObjectEntry] = []
        more: list[Step] = []
        async with self._session.client() as client:
            try:
                way = step.way or Way(await _real(client, self._path(""))).through(folder)
                async for found in client.scandir(self._path(folder)):
                    base = found.filename
                    if not isinstance(base, str) or base in (".", ".."):
                        continue
                    name = f"{folder}/{base}" if folder else base
                    mode = found.attrs.permissions or 0
                    if stat.S_ISLNK(mode):
                        await self._follow(client, name, way, entries, more)
                    elif stat.S_ISDIR(mode):
                        there = way.into(base)
                        if there.is_new:
                            more.append(Step(name, way=there))
                    elif stat.S_ISREG(mode) and _TEMPORARY.fullmatch(base) is None:
                        entries.append(_entry(name, found.attrs, way.name_of(base)))
            except asyncssh.SFTPNoSuchFile:
                return [], []
        return entries, more

    async def _follow(
        self,
        client: asyncssh.SFTPClient,
        name: str,
        way: Way,
        entries: list[ObjectEntry],
        more: list[Step],
    ) -> None:
        """List what a link leads to; a link to nothing is an object that cannot be read."""
        path = self._path(name)
        try:
            attrs = await client.stat(path)
            there = way.jump(await _real(client, path))
        except asyncssh.SFTPNoSuchFile:
            entries.append(ObjectEntry(name, 0, leads_to=NOWHERE))
            return
        mode = attrs.permissions or 0
        if stat.S_ISREG(mode):
            entries.append(_entry(name, attrs, there.name))
        elif stat.S_ISDIR(mode) and there.is_new:
            more.append(Step(name, way=there))


async def _real(client: asyncssh.SFTPClient, path: str) -> str:
    """Return where a path leads, without links."""
    return str(await client.realpath(path))


def _entry(name: str, attrs: asyncssh.SFTPAttrs, leads_to: str | None) -> ObjectEntry:
    modified = None if attrs.mtime is None else float(attrs.mtime)
    return ObjectEntry(name, attrs.size or 0, modified, leads_to)


async def _make_folder(client: asyncssh.SFTPClient, folder: str) -> None:
    """Make a directory, and those above it where they are missing too."""
    try:
        await client.mkdir(folder)
    except asyncssh.SFTPNoSuchFile:
        await client.makedirs(folder, exist_ok=True)
    except asyncssh.SFTPFailure:
        return  # somebody else was first; what else it may be, the next step tells


async def _sync(file: asyncssh.SFTPClientFile) -> None:
    """Have the server put a file on its disk before it is renamed, where it knows how to.

    No name ever refers to content that a power cut could take away then; the name itself is on
    the disk with whatever is synced next, which is the index at last.
    """
    with suppress(asyncssh.SFTPOpUnsupported):
        await file.fsync()


async def _rename(client: asyncssh.SFTPClient, temporary: str, path: str) -> bool:
    """Rename in place of what is there: at once by OpenSSH's extension, else after removing it."""
    try:
        await client.posix_rename(temporary, path)
    except asyncssh.SFTPOpUnsupported:
        with suppress(asyncssh.SFTPNoSuchFile):
            await client.remove(path)
        await client.rename(temporary, path)
    return True


async def _rename_to_new(client: asyncssh.SFTPClient, temporary: str, path: str) -> bool:
    """Rename where nothing is, which is all that the protocol's own request does; tell whether."""
    try:
        await client.rename(temporary, path)
    except asyncssh.SFTPError:
        if await client.exists(path):
            return False
        raise
    return True
