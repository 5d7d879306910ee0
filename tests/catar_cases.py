"""Archives that casync reads and archives that it refuses, by what is about them."""

from collections.abc import Mapping
from typing import Final

from desync_jobs.formats.catar.encode import encode
from desync_jobs.formats.catar.records import (
    AclDefault,
    AclDefaultUser,
    AclGroup,
    AclGroupObj,
    AclUser,
    Device,
    Entry,
    Fcaps,
    Filename,
    Goodbye,
    Group,
    Payload,
    QuotaProject,
    Record,
    Selinux,
    Symlink,
    User,
    Xattr,
)
from tests.archives import END, Part, directory, entry, file, regular
from tests.archives import EVERYTHING as F


def one(*parts: Part) -> list[Part]:
    return [directory(), Filename(b"x"), *parts, END]


def reg(*recs: Record, e: Entry | None = None) -> list[Part]:
    return one(e or regular(), *recs, Payload(1), b"x")


def deep(depth: int) -> list[Part]:
    down: list[Part] = [part for _ in range(depth) for part in (directory(), Filename(b"x"))]
    return [*down, directory(), *[END] * (depth + 1)]


def feat(f: int, mode: int = 0o100666, dmode: int = 0o40777, **k: int) -> list[Part]:
    return [entry(dmode, f), Filename(b"x"), entry(mode, f, **k), Payload(1), b"x", END]


B = 0xB000000000000000
ROOT: Final[list[Part]] = [directory()]
CASES: Final[Mapping[str, list[Part]]] = {
    "ok": reg(),
    "nothing ok": feat(B),
    "nothing mode 644": feat(B, 0o100644),
    "nothing mode 444": feat(B, 0o100444),
    "nothing dir 755": feat(B, dmode=0o40755),
    "readonly mode 444": feat(B | 0x80, 0o100444),
    "readonly mode 644": feat(B | 0x80, 0o100644),
    "readonly dir 555": feat(B | 0x80, dmode=0o40555),
    "nothing uid 1": feat(B, uid=1),
    "16bit uid 70000": feat(B | 1, uid=70000),
    "16bit uid 65534": feat(B | 1, uid=65534),
    "32 uid 65535": feat(B | 2, uid=65535),
    "names only uid 5": feat(B | 4, uid=5),
    "nothing mtime 1e9": feat(B, mtime_ns=10**9),
    "sec mtime 1e9": feat(B | 8, mtime_ns=10**9),
    "sec mtime -1e9": feat(B | 8, mtime_ns=-(10**9)),
    "sec mtime -864e11": feat(B | 8, mtime_ns=-86400 * 10**9),
    "sec mtime u64 multiple": feat(B | 8, mtime_ns=(2**64 // 10**9) * 10**9 - 2**64),
    "sec mtime 1e9+5": feat(B | 8, mtime_ns=10**9 + 5),
    "2sec mtime 1e9": feat(B | 0x40, mtime_ns=10**9),
    "flags nothing": feat(B, flags=0x10000),
    "flags ok": feat(F, flags=0x10000),
    "flags unknown": feat(F, flags=0x1),
    "acl group": reg(AclUser(2, 4), AclGroup(1, 4), AclGroupObj(4)),
    "acl group first": reg(AclGroup(1, 4), AclUser(2, 4), AclGroupObj(4)),
    "flags nodump (not in feat)": feat(F, flags=0x100000),
    "subvol on file": feat(F, flags=0x4000000),
    "subvol on dir": [entry(0o40755, F, flags=0x4000000), END],
    "subvolro only on dir": [entry(0o40755, F, flags=0x8000000), END],
    "flags on link": one(entry(0o120777, flags=0x10000), Symlink(b"t")),
    "link": one(entry(0o120777), Symlink(b"t")),
    "link 755": one(entry(0o120755), Symlink(b"t")),
    "link no feature": [entry(0o40777, B), Filename(b"x"), entry(0o120777, B), Symlink(b"t"), END],
    "fifo no feature": [entry(0o40777, B), Filename(b"x"), entry(0o10666, B), END],
    "fifo": one(entry(0o10644)),
    "sock": one(entry(0o140644)),
    "dev no feature": [entry(0o40777, B), Filename(b"x"), entry(0o20666, B), Device(1, 3), END],
    "dev big": one(entry(0o20644), Device(4096, 3)),
    "dev bigminor": one(entry(0o20644), Device(1, 1 << 20)),
    "dev max": one(entry(0o20644), Device(4095, (1 << 20) - 1)),
    "user": reg(User(b"daemon"), e=regular(uid=1)),
    "user uid 0 daemon": reg(User(b"daemon")),
    "user root uid 0": reg(User(b"root")),
    "group root gid 0": reg(Group(b"root")),
    "user root uid 1": reg(User(b"root"), e=regular(uid=1)),
    "group root gid 1": reg(Group(b"root"), e=regular(gid=1)),
    "user bad": reg(User(b"da emon"), e=regular(uid=1)),
    "user digit": reg(User(b"1da"), e=regular(uid=1)),
    "user dollar": reg(User(b"machine$"), e=regular(uid=1)),
    "user dot": reg(User(b"a.b"), e=regular(uid=1)),
    "user 255": reg(User(b"a" * 255), e=regular(uid=1)),
    "user empty": reg(User(b""), e=regular(uid=1)),
    "user no feature": [
        entry(0o40777, B),
        Filename(b"x"),
        entry(0o100666, B),
        User(b"daemon"),
        Payload(1),
        b"x",
        END,
    ],
    "group before user": reg(Group(b"daemon"), User(b"daemon"), e=regular(uid=1, gid=1)),
    "user twice": reg(User(b"daemon"), User(b"daemon"), e=regular(uid=1, gid=1)),
    "xattr": reg(Xattr(b"user.a", b"")),
    "xattr no dot": reg(Xattr(b"usera", b"")),
    "xattr lead dot": reg(Xattr(b".usera", b"")),
    "xattr trail dot": reg(Xattr(b"usera.", b"")),
    "xattr user..": reg(Xattr(b"user..", b"")),
    "xattr user..a": reg(Xattr(b"user..a", b"")),
    "xattr security": reg(Xattr(b"security.capability", b"a")),
    "xattr nonutf8": reg(Xattr(b"user.\xff", b"a")),
    "xattr value 65536": reg(Xattr(b"user.a", b"a" * 65536)),
    "xattr dup": reg(Xattr(b"user.a", b""), Xattr(b"user.a", b"")),
    "xattr desc": reg(Xattr(b"user.b", b""), Xattr(b"user.a", b"")),
    "xattr 255": reg(Xattr(b"user." + b"a" * 250, b"")),
    "xattr 256": reg(Xattr(b"user." + b"a" * 251, b"")),
    "xattr link": one(entry(0o120777), Xattr(b"user.a", b""), Symlink(b"t")),
    "xattr fifo": one(entry(0o10644), Xattr(b"user.a", b"")),
    "xattr sock": one(entry(0o140644), Xattr(b"user.a", b"")),
    "xattr dev": one(entry(0o20644), Xattr(b"user.a", b""), Device(1, 3)),
    "xattr nofeature": [
        entry(0o40777, B),
        Filename(b"x"),
        entry(0o100666, B),
        Xattr(b"user.a", b""),
        Payload(1),
        b"x",
        END,
    ],
    "acl user no obj": reg(AclUser(1, 4)),
    "acl user obj": reg(AclUser(1, 4), AclGroupObj(4)),
    "acl obj alone": reg(AclGroupObj(4)),
    "acl perm 8": reg(AclGroupObj(8)),
    "acl user order": reg(AclUser(2, 4), AclUser(1, 4), AclGroupObj(4)),
    "acl user same id": reg(AclUser(1, 4), AclUser(1, 4), AclGroupObj(4)),
    "acl user same id other perm": reg(AclUser(1, 4), AclUser(1, 5), AclGroupObj(4)),
    "acl user id named": reg(AclUser(1, 4), AclUser(1, 4, b"daemon"), AclGroupObj(4)),
    "acl user id named rev": reg(AclUser(1, 4, b"daemon"), AclUser(1, 4), AclGroupObj(4)),
    "acl user id 0 root": reg(AclUser(0, 4, b"root"), AclGroupObj(4)),
    "acl user id 65535": reg(AclUser(65535, 4), AclGroupObj(4)),
    "acl user id 2^32": reg(AclUser(2**32, 4), AclGroupObj(4)),
    "acl user name empty": reg(AclUser(1, 4, b""), AclGroupObj(4)),
    "acl link": one(entry(0o120777), AclGroupObj(4), Symlink(b"t")),
    "acl fifo": one(entry(0o10644), AclGroupObj(4)),
    "acl default file": reg(AclDefault(4, 4, 4)),
    "acl default dir": [directory(), AclDefault(4, 4, 4), END],
    "acl default dir mask": [directory(), AclDefault(4, 4, 4, 7), END],
    "acl defuser no mask": [directory(), AclDefault(4, 4, 4), AclDefaultUser(1, 4), END],
    "acl defuser mask": [directory(), AclDefault(4, 4, 4, 7), AclDefaultUser(1, 4), END],
    "acl defuser no def": [directory(), AclDefaultUser(1, 4), END],
    "acl default perm 8": [directory(), AclDefault(8, 4, 4, 7), END],
    "acl default mask 8": [directory(), AclDefault(4, 4, 4, 8), END],
    "acl named, 16bit only feat": [
        entry(0o40755, B | 0x20000002),
        AclUser(1, 4, b"daemon"),
        AclGroupObj(4),
        END,
    ],
    "acl unnamed, names feat only": [
        entry(0o40755, B | 0x20000004),
        AclUser(1, 4),
        AclGroupObj(4),
        END,
    ],
    "selinux": reg(Selinux(b"system_u:object_r:x:s0")),
    "selinux empty": reg(Selinux(b"")),
    "selinux any": reg(Selinux(b"abc")),
    "fcaps": reg(Fcaps(bytes(20))),
    "fcaps dir": [directory(), Fcaps(bytes(20)), END],
    "fcaps link": one(entry(0o120777), Fcaps(bytes(20)), Symlink(b"t")),
    "selinux link": one(entry(0o120777), Selinux(b"a"), Symlink(b"t")),
    "selinux after fcaps": reg(Fcaps(bytes(20)), Selinux(b"a")),
    "quota": reg(QuotaProject(7)),
    "quota 0": reg(QuotaProject(0)),
    "quota max": reg(QuotaProject(2**32 - 1)),
    "quota 2^32": reg(QuotaProject(2**32)),
    "quota fifo": one(entry(0o10644), QuotaProject(7)),
    "quota link": one(entry(0o120777), QuotaProject(7), Symlink(b"t")),
    "symlink long": one(entry(0o120777), Symlink(b"t" * 4095)),
    "symlink 4096": one(entry(0o120777), Symlink(b"t" * 4096)),
    "symlink empty": one(entry(0o120777), Symlink(b"")),
    "symlink nul": one(entry(0o120777), Symlink(b"a\0b")),
    "name slash": ROOT + file(b"a/b", b"") + [END],
    "name dot": ROOT + file(b".", b"") + [END],
    "name dotdot": ROOT + file(b"..", b"") + [END],
    "name empty": ROOT + file(b"", b"") + [END],
    "name backslash": ROOT + file(b"a\\b", b"") + [END],
    "name nul": ROOT + file(b"a\0b", b"") + [END],
    "name 255": ROOT + file(b"a" * 255, b"") + [END],
    "dup names": ROOT + file(b"a", b"") + file(b"a", b"") + [END],
    "unsorted": ROOT + file(b"b", b"") + file(b"a", b"") + [END],
    "other features": [
        directory(),
        Filename(b"x"),
        regular(features=B | 0x100),
        Payload(1),
        b"x",
        END,
    ],
    "not normal": feat(B | 3),
    "payload on dir": [directory(), Payload(0), END],
    "root file": [regular(), Payload(1), b"x"],
    "orphan": [directory(), Filename(b"x"), END],
    "orphan2": [directory(), Filename(b"x"), *file(b"y", b""), END],
    "entry without name": [directory(), regular(), Payload(1), b"x", END],
    "file no payload": [directory(), Filename(b"x"), regular(), END],
    "device on file": one(regular(), Device(1, 3)),
    "deep": deep(63),
    "goodbye bad tail": [directory(), encode(Goodbye(b"", 65))],
    "goodbye bad items": [
        directory(),
        *file(b"x", b""),
        encode(Goodbye(bytes(24), 64 + 18 + 64 + 16)),
    ],
    "mode extra bits": feat(F, mode=0o1000100644),
    "mtime none": feat(F, mtime_ns=-1),
}

_OWNERS = (User(b"alice"), Group(b"users"))
ALIKE: Final[list[Part]] = [
    directory(),
    *(
        part
        for name in (b"a", b"b", b"c", b"d")
        for part in (
            *(Filename(name), regular(), *_OWNERS, Payload(4), b"some"),
            *(Filename(name * 2), entry(0o120777), *_OWNERS, Symlink(b"to")),
        )
    ),
    END,
]
"""Files and links with nothing special about them, as most trees have."""
