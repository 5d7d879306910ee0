"""Requests and responses as values."""

from dataclasses import dataclass, field

from desync_jobs.stores.policy.limits import Bodies

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

    @property
    def bodies(self) -> Bodies:
        """What is known of its bodies before it is sent; what says what went wrong is left out."""
        return Bodies(len(self.body or b""), self.limit if self.method == "GET" else 0)


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
