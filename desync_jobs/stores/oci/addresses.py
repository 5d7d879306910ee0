"""Addresses that a registry names: of its token server, of an upload, of the next page."""

from typing import Final
from urllib.parse import urljoin, urlsplit

_LONGEST: Final = 16 << 10
_PORTS: Final = {"http": 80, "https": 443}


def is_web_address(url: str) -> bool:
    """Tell whether a request can be sent to `url` as it is; none with a user in it."""
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in _PORTS and bool(parts.hostname) and "@" not in parts.netloc


def address_from(base: str, reference: str) -> str | None:
    """Return the address that `reference`, found in an answer of `base`, leads to; None for none.

    An empty reference is none.
    """
    try:
        url = urljoin(base, reference)
    except ValueError:
        return None
    return url if reference and is_web_address(url) else None


def origin_of(url: str) -> tuple[str, str | None, int]:
    """Return what two web addresses of the same server have in common."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]


def with_query(url: str, query: str) -> str:
    """Return `url` with `query` added to what it may have of one."""
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{query}"
