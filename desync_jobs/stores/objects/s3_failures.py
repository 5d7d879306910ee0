"""What obstore's exceptions mean, in words and for the policy.

It tells the status and the body of a response only in the text of its exceptions: `Server returned
non-2xx status code: 404 Not Found: <?xml …`, and after an empty line the same in Rust's notation,
which has what the network said in it. What it tells not at all is `Retry-After`.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import obstore.exceptions

from desync_jobs.stores.policy.retry import Failure, Fault, fault_of_status

S3_ERRORS: Final = (obstore.exceptions.BaseError, OSError, ValueError)
"""What obstore raises; missing objects are a `FileNotFoundError`."""

_STATUS: Final = re.compile(r"status code: (\d{3})[^:\n]*:?\s?(.*)", re.DOTALL)
_SOURCE: Final = "\n\nDebug source:"
_CODE: Final = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE: Final = re.compile(r"<Message>([^<]{1,1000})</Message>")
_REGION: Final = re.compile(r"<Region>([a-z0-9-]{1,63})</Region>")
_SAID: Final = re.compile(r'message: "([^"\\]{1,200})"|error: "?([^"\\{\n]{1,200})')
_BARE_REDIRECT: Final = "redirect without LOCATION"
_MACHINE_ROLE: Final = "169.254.169.254"
_LONGEST: Final = 200

_NO_BUCKET: Final = "NoSuchBucket"
_EXPIRED: Final = frozenset({"ExpiredToken", "TokenRefreshRequired", "InvalidToken"})
_OVERLOAD: Final = frozenset({"SlowDown", "Throttling", "RequestLimitExceeded"})
_MOVED: Final = 301
_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404

_UNTRUSTED: Final = re.compile(r"InvalidCertificate\(\s*(\w+)|invalid peer certificate: (\w+)")
_TIMED_OUT: Final = re.compile(r"kind: Timeout|TimedOut")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server answered that was not asked for."""

    status: int
    code: str = ""
    """S3's own word, where the answer had one; answers to HEAD never have."""
    message: str = ""
    region: str | None = None
    """Where the bucket is, if it is elsewhere and the server told."""

    @property
    def missing(self) -> bool:
        """Whether there is no such object, in a bucket that may or may not be there."""
        return self.status == _NOT_FOUND and self.code != _NO_BUCKET

    @property
    def doubts_us(self) -> bool:
        """Whether other keys, or another region, might be answered differently."""
        if self.status == _BAD_REQUEST:
            return not self.code or self.code in _EXPIRED or self.region is not None
        return self.status in (_MOVED, _UNAUTHORIZED, _FORBIDDEN)

    @property
    def is_elsewhere(self) -> bool:
        """Whether the bucket may be in another region."""
        return self.doubts_us and self.status in (_MOVED, _BAD_REQUEST)


def refusal_of(error: Exception) -> Refusal | None:
    """Return what the server answered; None where the exception is about something else."""
    text, _, _ = str(error).partition(_SOURCE)
    found = _STATUS.search(text)
    if found is None:
        return Refusal(_MOVED) if _BARE_REDIRECT in text else None
    code, message, region = (one.search(found[2]) for one in (_CODE, _MESSAGE, _REGION))
    return Refusal(
        int(found[1]),
        code[1] if code else "",
        message[1].strip() if message else "",
        region[1] if region else None,
    )


def failure_of(error: Exception) -> Failure:
    """Return what an exception of obstore is for the policy; raises what is none of its."""
    if not isinstance(error, S3_ERRORS):
        raise error
    refusal = refusal_of(error)
    return _of_refusal(refusal) if refusal is not None else _of_network(str(error))


def _of_refusal(refusal: Refusal) -> Failure:
    said = ": ".join(one for one in (refusal.code, refusal.message[:_LONGEST]) if one)
    text = f"HTTP {refusal.status} {_phrase(refusal.status)}".rstrip()
    shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in said)
    text = f"{text}: {shown}" if shown else text
    if refusal.status == _FORBIDDEN and refusal.code in ("", "AccessDenied"):
        text += " (also the answer for an object that is missing, to who may not list the bucket)"
    if refusal.status == _MOVED:
        text += " (the bucket is in another region: set region)"
    fault = Fault.OVERLOAD if refusal.code in _OVERLOAD else fault_of_status(refusal.status)
    return Failure(text, fault)


def _of_network(text: str) -> Failure:
    if _MACHINE_ROLE in text:
        return Failure(
            "no key was found: give credentials, or set S3_ACCESS_KEY and S3_SECRET_KEY",
            Fault.PERMANENT,
        )
    if (untrusted := _UNTRUSTED.search(text)) is not None:
        reason = untrusted[1] or untrusted[2]
        return Failure(f"the server's certificate is not trusted ({reason})", Fault.PERMANENT)
    if _TIMED_OUT.search(text) is not None:
        return Failure("no answer in time", Fault.OVERLOAD)
    first = text.partition(_SOURCE)[0].rpartition(" - ")[2].removeprefix("Generic S3 error: ")
    found = _SAID.findall(text)
    deepest = "".join(found[-1]).strip(" ,") if found else ""
    said = first[:_LONGEST]
    if deepest not in first:
        said += f" ({deepest})"
    return Failure(said, Fault.TRANSIENT)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
