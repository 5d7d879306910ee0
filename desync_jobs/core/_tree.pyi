from typing import Final, TypeAlias

_BytesLike: TypeAlias = bytes | bytearray | memoryview

WANTS_MODE: Final[int]
WANTS_OWNER: Final[int]
WANTS_TIME: Final[int]
WANTS_PROJECT: Final[int]
"""What of an entry is asked for, bits of `wants`; of projects only that it has none."""

# An open folder, the name under which the entry is made, its own name, the content of a file or
# the target of a link, whether it is a link; wants, mode, uid, gid, nanoseconds since 1970.
_Job: TypeAlias = tuple[int, bytes, bytes, _BytesLike, bool, int, int, int, int, int]

# Make files and links that are not there. Returns a byte for each: 1 where it was made, and 0
# where somebody has to make it in another way, who gets to know what is wrong.
def make(jobs: list[_Job], /) -> bytes: ...

# Hold files and links against what is there. Returns 1 for each that has its content, its
# numbers, and none of the bits `chattr` and `fat` among its attributes, nor any extended one.
def compare(jobs: list[_Job], chattr: int, fat: int, /) -> bytes: ...

# Make what begins at `at` of an archive's bytes in an open directory, as long as it is plain,
# complete and possible. Where the directory `stands`, it was there before, and what is in it is
# compared, as long as it is right. Names ascend from `last` on, and a path may have `room` bytes.
# `kinds` are nodes that are known: seven words each (bytes of the records, type of the file, what
# it wants, what of that a new one is given or 2**32 - 1, mode, uid, gid), then the records: an
# entry and its owners. Times are multiples of `tick`, and become multiples of `wanted`; files are
# hidden until they are complete where it `hides` them. `chattr` and `fat` are those of `compare`.
# Returns where that ends, how many entries were made and how many right, the names of those in the
# directory itself, and for each directory that is not complete, from the outside in: its
# descriptor, where its name is, and the names of those in it.
def grow(
    data: _BytesLike,
    at: int,
    folder: int,
    stands: bool,
    last: bytes,
    room: int,
    kinds: bytes,
    tick: int,
    wanted: int,
    hides: bool,
    chattr: int,
    fat: int,
    /,
) -> tuple[int, int, int, list[bytes], list[tuple[int, int, list[bytes]]]]: ...

# Write the nodes of files and links of an open directory into `out`, at most 64 that are on the
# same device and have nothing special about them: no extended attribute where it `lists` them, none
# of the bits `chattr`, no project where it looks for `projects`. `links` has 1 for each that is a
# link, and 0 for a file. `owners` are known: three words each (user, group, bytes of records), then
# these records. Returns where each of them ends in `out`; those that come next are for
# somebody else, who gets to know what is wrong.
def gather(
    out: bytearray | memoryview,
    folder: int,
    device: int,
    names: list[bytes],
    links: bytes,
    owners: bytes,
    features: int,
    tick: int,
    lists: bool,
    chattr: int,
    projects: bool,
    /,
) -> list[int]: ...

# Give an open file or directory its numbers; returns whether all of that was possible.
def give_open(fd: int, wants: int, mode: int, uid: int, gid: int, mtime_ns: int, /) -> bool: ...

# Whether an open file or directory has its numbers and nothing else, as `compare` tells it.
def compare_open(
    fd: int, wants: int, mode: int, uid: int, gid: int, mtime_ns: int, chattr: int, fat: int, /
) -> bool: ...
