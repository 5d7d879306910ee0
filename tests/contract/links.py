"""A directory with links of every kind, and how a place has to list it."""

from pathlib import Path
from typing import Final

from desync_jobs.stores.objects.base import NOWHERE, ObjectPlace

LINKED: Final = {
    "a": None,
    "sub/b": None,
    "current/b": "sub/b",
    "latest": "sub/b",
    "else": "",
    "away/c": "",
    "away/back/d": "",
    "nowhere": NOWHERE,
    "itself": NOWHERE,
}
"""Where each name leads to, as a listing says it."""


def make_linked(root: Path) -> None:
    """Make a directory in which links lead to files and directories inside, outside, to nothing,
    and around.
    """
    other = root.parent / "other"
    for directory in (root / "sub", other / "back"):
        directory.mkdir(parents=True)
    for file in (root / "a", root / "sub" / "b", other / "c", other / "back" / "d"):
        file.write_bytes(b"x")
    (other / "up").symlink_to(other)
    (other / "in").symlink_to(root)
    for name, target in (
        ("current", "sub"),
        ("latest", "current/b"),
        ("else", "../other/c"),
        ("away", "../other"),
        ("nowhere", "missing"),
        ("itself", "itself"),
        ("around", "."),
        ("sub/above", ".."),
        ("null", "/dev/null"),
    ):
        (root / name).symlink_to(target)


def linked(place: ObjectPlace) -> dict[str, str | None]:
    """List a place, which must show nothing twice."""
    entries = list(place.entries(""))
    found = {entry.name: entry.leads_to for entry in entries}
    assert len(found) == len(entries)
    return found
