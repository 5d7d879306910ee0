"""Blobs on their way into a registry: looked for first, then sent, each in one piece.

POST opens an upload and its `Location` is where PUT takes the content. What a PUT was refused for
may be what is left of an attempt before it, so the whole is done again as the policy says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from desync_jobs.stores.http.client import HttpClient
from desync_jobs.stores.http.failures import status_failure
from desync_jobs.stores.http.messages import Request, Response
from desync_jobs.stores.oci.addresses import address_from, origin_of, with_query
from desync_jobs.stores.policy.retry import Failure, Fault

_FOUND: Final = 200
_MISSING: Final = 404
_ACCEPTED: Final = 202
_CREATED: Final = 201
_STALE: Final = (400, 404, 409, 416)
"""What registries answer to a PUT whose upload is used up or has bytes in it already."""
_CONTENT: Final = ("Content-Type: application/octet-stream",)

_NO_ADDRESS: Final = Failure("the answer does not say where to send the content", Fault.PERMANENT)
_NO_TLS: Final = Failure("the answer says to send the content without TLS", Fault.PERMANENT)


@dataclass(frozen=True, slots=True)
class Uploads:
    """Where the blobs of one repository go. Safe to call from many threads."""

    client: HttpClient
    """Shows the registry who we are."""
    stranger: HttpClient
    """Shows nothing, for other hosts that a registry has content sent to."""
    repository: str
    """The URL of the repository's part of the API, with no slash at its end."""
    refusal: Callable[[Response], Failure] = status_failure
    """What a status means that is not the answer."""

    def send(self, blobs: Mapping[str, bytes]) -> None:
        """Have the registry keep `blobs`, by digest."""
        rounds = self.client.options.policy.attempts
        left = self._missing(list(blobs))
        for turn in range(1, rounds + 1):
            refused = self._put(left, blobs, final=turn == rounds)
            if not refused:
                return
            left = self._missing(refused)

    def _missing(self, digests: Sequence[str]) -> list[str]:
        requests = [self._request("HEAD", f"blobs/{digest}") for digest in digests]
        there = self.client.exchange("look for", requests, self._there)
        return [digest for digest, found in zip(digests, there, strict=True) if not found]

    def _put(self, digests: Sequence[str], blobs: Mapping[str, bytes], *, final: bool) -> list[str]:
        """Send some blobs and return those that were refused; with `final`, raise instead."""
        opening = [self._request("POST", "blobs/uploads/", b"") for _ in digests]
        places = self.client.exchange("open an upload at", opening, self._address)
        sent = {
            digest: with_query(place, f"digest={quote(digest)}")
            for digest, place in zip(digests, places, strict=True)
        }
        home = origin_of(self.repository)
        here = [digest for digest, url in sent.items() if origin_of(url) == home]
        away = [digest for digest, url in sent.items() if origin_of(url) != home]
        refused: list[str] = []
        for client, some in ((self.client, here), (self.stranger, away)):
            requests = [
                Request("PUT", sent[digest], _CONTENT, blobs[digest], keep_headers=True)
                for digest in some
            ]
            kept = client.exchange("write", requests, self._kept if final else self._kept_or_not)
            refused += [digest for digest, one in zip(some, kept, strict=True) if not one]
        return refused

    def _kept(self, _: int, response: Response) -> bool | Failure:
        return True if response.status == _CREATED else self.refusal(response)

    def _kept_or_not(self, position: int, response: Response) -> bool | Failure:
        return False if response.status in _STALE else self._kept(position, response)

    def _request(self, method: str, path: str, body: bytes | None = None) -> Request:
        headers = () if body is None else _CONTENT
        return Request(method, f"{self.repository}/{path}", headers, body, keep_headers=True)

    def _there(self, _: int, response: Response) -> bool | Failure:
        if response.status in (_FOUND, _MISSING):
            return response.status == _FOUND
        return self.refusal(response)

    def _address(self, _: int, response: Response) -> str | Failure:
        if response.status != _ACCEPTED:
            return self.refusal(response)
        location = response.headers.get("location", "")
        place = address_from(f"{self.repository}/blobs/uploads/", location)
        if place is None:
            return _NO_ADDRESS
        if place.startswith("http:") and self.repository.startswith("https:"):
            return _NO_TLS
        return place
