"""What failed transfers and unwanted statuses mean, in words and for the policy."""

from http import HTTPStatus
from typing import Final

import pycurl

from desync_jobs.errors import NameRefusedError, StoreError
from desync_jobs.stores.http.messages import Response
from desync_jobs.stores.policy.retry import Failure, Fault, fault_of_status

_LONGEST_LINE: Final = 200

_PERMANENT: Final = frozenset(
    {
        pycurl.E_URL_MALFORMAT,
        pycurl.E_TOO_MANY_REDIRECTS,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_ISSUER_ERROR,
        pycurl.E_SSL_CIPHER,
        pycurl.E_LOGIN_DENIED,
    }
)
_OTHER_PROTOCOL: Final = "Protocol "
"""How libcurl's message begins where a redirect leads away from HTTP; with the same code it means
responses that are not HTTP, such as those of a broken proxy."""


def transfer_failure(code: int, message: str) -> Failure:
    """Return the failure of a transfer that ended with an error code of libcurl."""
    words = message[:1].lower() + message[1:] if message[1:2].islower() else message
    # libcurl quotes what servers send.
    text = f"{_shown(words) or 'the transfer failed'} (curl {code})"
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return Failure(text, Fault.OVERLOAD)
    leads_away = code == pycurl.E_UNSUPPORTED_PROTOCOL and message.startswith(_OTHER_PROTOCOL)
    if code in _PERMANENT or leads_away:
        return Failure(text, Fault.PERMANENT)
    return Failure(text, Fault.TRANSIENT)


def status_failure(response: Response) -> Failure:
    """Return the failure that a status is which does not answer the request."""
    text = f"HTTP {response.status}{_phrase(response.status)}{_said(response.body)}"
    error = NameRefusedError if response.status == HTTPStatus.BAD_REQUEST else StoreError
    return Failure(text, fault_of_status(response.status), response.retry_after, error)


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def _said(body: bytes) -> str:
    """Return the first line of a body."""
    text = body[: 4 * _LONGEST_LINE].decode("utf-8", "replace").strip()
    line = text.splitlines()[0].strip() if text else ""
    if not line or line.startswith("<"):  # a page of HTML says nothing in its first line
        return ""
    return f": {_shown(line)}"


def _shown(line: str) -> str:
    """Return a line from elsewhere, shortened, with nothing that upsets a terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for letter in line[:_LONGEST_LINE]
    )
