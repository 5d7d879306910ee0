"""Chunk sizes as they are written on command lines."""

import re
from typing import Final

import click

_SIZE: Final = re.compile(r"(?P<number>[0-9]+)(?P<unit>[A-Za-z]*)")
_DESYNC_PARTS: Final = 3


def as_in_a_manifest(
    _context: click.Context | None, _option: click.Parameter | None, value: str | None
) -> str | None:
    """Turn `16:64:256` into a manifest's `16KiB:64KiB:256KiB`; the callback of an option.

    Three bare numbers are desync's MIN:AVG:MAX in KiB. Sizes with units are
    taken as they are: `AVG` or `MIN:AVG:MAX`, as in `64K` or `16KiB:64KiB:256KiB`.
    A lone bare number would be KiB to one program and bytes to another: that,
    and whatever else is no size, raises `click.BadParameter`.
    """
    if value is None:
        return None
    parts = [_SIZE.fullmatch(part) for part in value.split(":")]
    bare = [part is not None and not part["unit"] for part in parts]
    if None in parts:
        raise click.BadParameter(f"{value!r} is not MIN:AVG:MAX in KiB, as in 16:64:256")
    if not any(bare):
        return value
    if not all(bare):
        raise click.BadParameter(f"{value!r}: give a unit to every size or to none")
    if len(parts) != _DESYNC_PARTS:
        raise click.BadParameter(f"{value!r} has no unit; write {value}KiB, or MIN:AVG:MAX in KiB")
    return ":".join(f"{part}KiB" for part in value.split(":"))
