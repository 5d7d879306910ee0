"""Whether a request may be answered: by one `Authorization` header, compared in constant time."""

import hashlib
import hmac
from collections.abc import Mapping


class Authorization:
    """The header that every request has to carry; without one, all may ask."""

    def __init__(self, header: str | None) -> None:
        # Digests, so that neither content nor length of what was sent shows in the time it takes.
        self._digest = None if header is None else _digest(header)

    @property
    def needed(self) -> bool:
        """Whether not everybody may ask."""
        return self._digest is not None

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a request with these headers may be answered."""
        if self._digest is None:
            return True
        return hmac.compare_digest(_digest(headers.get("Authorization", "")), self._digest)

    def __repr__(self) -> str:
        return f"Authorization(needed={self.needed})"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
