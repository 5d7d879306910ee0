"""Requests and responses as values."""

from dataclasses import dataclass, field

ERROR_BODY_LIMIT = 64 << 10
"""Bytes of a body that nobody asked for but that may say what went wrong."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. The URL is complete and quoted, with no credentials in it."""

    method: str
    url: str
    headers: tuple[str, ...] = ()
    """Lines such as `Content-Type: application/zstd`, besides those that every request has."""
    body: bytes | None = None
    limit: int = ERROR_BODY_LIMIT
    """The most bytes that are read of the response's body."""
    keep_headers: bool = False
    """Whether the response's headers are wanted; each costs a call of Python."""


@dataclass(frozen=True, slots=True)
class Response:
    """What came back, whatever the status; redirects have been followed."""

    status: int
    body: bytes
    length: int | None
    """What `Content-Length` said, of the body or of the one that a GET would have had."""
    cut: bool = False
    """Whether the body was longer than the request's limit; `body` is its beginning or empty."""
    retry_after: float | None = None
    """Seconds, also where the header names a date."""
    headers: dict[str, str] = field(default_factory=dict)
    """By name in lower case, several of a name joined by commas; empty unless asked for."""
    redirected: bool = False
    """Whether a refusal came from where a redirect led, perhaps not the server that was asked."""
