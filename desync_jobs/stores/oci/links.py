"""Where a list goes on: the `Link` header of RFC 8288, as registries write it."""

import re
from typing import Final

_LINK: Final = re.compile(r"<([^<>]*)>([^<]*)")
_NEXT: Final = re.compile(r";\s*rel\s*=\s*\"?next\"?\s*(?:[;,]|$)", re.IGNORECASE)
_LONGEST: Final = 16 << 10


def next_page(header: str) -> str | None:
    """Return the address of the next page, perhaps a relative one; None where there is none."""
    for target, parameters in _LINK.findall(header[:_LONGEST]):
        if _NEXT.search(parameters):
            return str(target)
    return None
