"""The digest of a whole blob, as a user writes it."""

import re
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

from desync_jobs.manifest.scalars import VARIABLE_USE

_DIGEST: Final = "[0-9a-f]{64}"


def _digest(text: str) -> str:
    if not re.fullmatch(_DIGEST, text):
        raise ValueError(f"{text!r} is not a digest: write 64 lower-case hex digits")
    return text


BlobDigest: TypeAlias = Annotated[
    str,
    AfterValidator(_digest),
    WithJsonSchema({"type": "string", "pattern": f"^{_DIGEST}$|{VARIABLE_USE}"}),
]
"""64 lower-case hex digits, in the digest algorithm of the blob's index."""
