"""bsdtar's words for the attributes of `chattr`, as its streams have them."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from desync_jobs.formats.flags import FeatureFlags

_F = FeatureFlags

FLAG_WORDS: Final[Mapping[bytes, FeatureFlags]] = MappingProxyType(
    {
        b"sappnd": _F.ATTRIBUTE_APPEND,
        b"sappend": _F.ATTRIBUTE_APPEND,
        b"noatime": _F.ATTRIBUTE_NOATIME,
        b"compress": _F.ATTRIBUTE_COMPR,
        b"nocow": _F.ATTRIBUTE_NOCOW,
        b"nodump": _F.ATTRIBUTE_NODUMP,
        b"dirsync": _F.ATTRIBUTE_DIRSYNC,
        b"schg": _F.ATTRIBUTE_IMMUTABLE,
        b"schange": _F.ATTRIBUTE_IMMUTABLE,
        b"simmutable": _F.ATTRIBUTE_IMMUTABLE,
        b"sync": _F.ATTRIBUTE_SYNC,
        b"projinherit": _F.ATTRIBUTE_PROJINHERIT,
    }
)
"""Of several words for one attribute, the first is written."""

_WORDS: Final = {flag: word for word, flag in reversed(tuple(FLAG_WORDS.items()))}


def words_of(flags: int) -> Iterator[bytes | FeatureFlags]:
    """Yield the word for each attribute in `flags`, or the attribute where there is none."""
    for flag in FeatureFlags(flags):
        yield _WORDS.get(flag, flag)
