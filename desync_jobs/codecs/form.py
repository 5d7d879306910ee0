"""The forms in which a chunk is stored."""

from enum import Enum
from typing import Final

from desync_jobs.core.chunk import BytesLike


class Form(Enum):
    """How stored bytes become plain bytes; every compressed form has the same file suffix."""

    ZSTD = "zstd"
    XZ = "xz"
    GZIP = "gzip"
    PLAIN = "plain"


_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_MAGICS: Final = (
    (b"\xfd7zXZ\x00", Form.XZ),
    (b"\x1f\x8b", Form.GZIP),
)


def detect_form(data: BytesLike) -> Form | None:
    """Tell the compressed form of `data` from its first bytes, None where it has none.

    Plain chunks may begin with anything, so this is only for data known to be compressed.
    """
    start = bytes(data[:6])
    if start[:4] == _ZSTD_MAGIC:
        return Form.ZSTD
    return next((form for magic, form in _MAGICS if start.startswith(magic)), None)
