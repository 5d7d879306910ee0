"""Objects in a Google Cloud Storage bucket, by its JSON API in the session of gcsfs.

gcsfs knows who asks, keeps tokens fresh, and finds the server. Its own requests are not used: each
is tried six times, whatever a policy says, and what the server said is lost in it. The API:
https://cloud.google.com/storage/docs/json_api/v1/objects
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from secrets import token_hex
from typing import Any, Final
from urllib.parse import quote

from aiohttp import ClientResponseError
from yarl import URL

from desync_jobs.stores.objects.base import ObjectEntry, TooLarge
from desync_jobs.stores.objects.files import Step
from desync_jobs.stores.objects.fsspec_files import Live, run_in_loop
from desync_jobs.stores.policy.values import Policy

_FOUND: Final = range(200, 300)
_NOT_FOUND: Final = 404
_EXISTS: Final = 412
_NO_BUCKET: Final = "bucket does not exist"
_PAGE: Final = 1000
_ANSWER_LIMIT: Final = 16 << 20
"""Bytes of an answer that is no object: a page of a listing at most."""


class Refused(Exception):  # noqa: N818 - an answer of the server
    """What the server answered that was not asked for."""

    def __init__(self, status: int, message: str, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status}: {message}" if message else f"HTTP {status}")
        self.status = status
        self.retry_after = float(retry_after) if retry_after and retry_after.isdigit() else None


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes | None = None
    content_type: str = ""
    limit: int = _ANSWER_LIMIT


class GcsFiles:
    """`Files` in a bucket, below a prefix without slashes at its ends."""

    def __init__(self, live: Live, bucket: str, prefix: str, policy: Policy) -> None:
        self._live = live
        self._bucket = f"b/{quote(bucket, safe='')}/o"
        self._prefix = f"{prefix}/" if prefix else ""
        self._policy = policy

    def read(self, name: str, limit: int) -> bytes | TooLarge | None:
        return self._ask(_Request("GET", self._object(name), {"alt": "media"}, limit=limit))

    def size(self, name: str) -> int | None:
        found = self._ask(_Request("GET", self._object(name), {"fields": "size"}))
        return None if found is None else int(_document(found)["size"])

    def write(self, name: str, data: bytes, content_type: str) -> None:
        self._upload(name, data, content_type, {})

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        try:
            self._upload(name, data, content_type, {"ifGenerationMatch": "0"})
        except Refused as refused:
            if refused.status != _EXISTS:
                raise
            return False
        return True

    def _upload(
        self, name: str, data: bytes, content_type: str, condition: Mapping[str, str]
    ) -> None:
        boundary = token_hex(16)
        about = json.dumps({"name": self._prefix + name})
        body = (
            f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{about}\r\n"
            f"--{boundary}\r\nContent-Type: {content_type}\r\n\r\n"
        ).encode()
        body += data + f"\r\n--{boundary}--\r\n".encode()
        request = _Request(
            "POST",
            f"upload/storage/v1/{self._bucket}",
            {"uploadType": "multipart", "fields": "size", **condition},
            body,
            f"multipart/related; boundary={boundary}",
        )
        if self._ask(request) is None:
            raise Refused(_NOT_FOUND, "the bucket cannot be written to", None)

    def remove(self, name: str) -> None:
        self._ask(_Request("DELETE", self._object(name), {}))

    def first_step(self, prefix: str) -> Step:
        return Step(self._prefix + prefix)

    def step(self, step: Step) -> tuple[list[ObjectEntry], list[Step]]:
        query = {"prefix": step.prefix, "maxResults": str(_PAGE)}
        if step.token:
            query["pageToken"] = step.token
        query["fields"] = "items(name,size,updated),nextPageToken"
        found = self._ask(_Request("GET", f"storage/v1/{self._bucket}", query))
        if found is None:
            raise Refused(_NOT_FOUND, "the bucket cannot be listed", None)
        document = _document(found)
        entries = [
            ObjectEntry(
                one["name"][len(self._prefix) :],
                int(one["size"]),
                datetime.fromisoformat(one["updated"]).timestamp() if "updated" in one else None,
            )
            for one in document.get("items", ())
        ]
        token = document.get("nextPageToken")
        return entries, [Step(step.prefix, token)] if token else []

    def _object(self, name: str) -> str:
        return f"storage/v1/{self._bucket}/{quote(self._prefix + name, safe='')}"

    def _ask(self, request: _Request) -> bytes | TooLarge | None:
        """Return the body of an answer; None for 404, unless it is the bucket that is missing."""
        files = self._live.current()
        size = max(len(request.body or b""), request.limit if request.query.get("alt") else 0)
        limit = self._policy.time_for(size)
        answer: bytes | TooLarge | None = run_in_loop(files, lambda: _send(files, request), limit)
        return answer


async def _send(files: Any, request: _Request) -> bytes | TooLarge | None:
    await files._set_session()  # noqa: SLF001 - gcsfs has no public way to its session
    headers = {"Content-Type": request.content_type} if request.content_type else {}
    headers["Accept-Encoding"] = "identity"
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in request.query.items())
    url = f"{files._location}/{request.path}"  # noqa: SLF001 - nor to the URL it has found
    try:
        async with files.session.request(
            request.method,
            URL(f"{url}?{query}" if query else url, encoded=True),
            headers=files._get_headers(headers),  # noqa: SLF001 - nor to its tokens
            # Not as bytes, of which aiohttp warns when they are many.
            data=None if request.body is None else BytesIO(request.body),
        ) as answer:
            return await _judge(answer, request.limit)
    except ClientResponseError as error:
        # What is no HTTP is a status of 400 to aiohttp, and not to us.
        raise ConnectionError("the answer is not HTTP") from error


async def _judge(answer: Any, limit: int) -> bytes | TooLarge | None:
    if answer.status in _FOUND:
        return await _content(answer, limit)
    said = _message(await answer.content.read(_PAGE))
    if answer.status == _NOT_FOUND and _NO_BUCKET not in said:
        return None
    raise Refused(answer.status, said, answer.headers.get("Retry-After"))


async def _content(answer: Any, limit: int) -> bytes | TooLarge:
    length = answer.content_length
    if length is not None and length > limit:
        return TooLarge(length)
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > limit:
            return TooLarge()
        parts.append(part)
    return b"".join(parts)


def _document(found: bytes | TooLarge) -> dict[str, Any]:
    if isinstance(found, TooLarge):
        raise Refused(200, f"the answer has more than {_ANSWER_LIMIT} bytes", None)
    try:
        document: dict[str, Any] = json.loads(found)
    except ValueError:
        raise Refused(502, "the answer is not JSON", None) from None
    return document


def _message(body: bytes) -> str:
    """Return what the body of an error says, in one printable line."""
    text = body.decode("utf-8", "replace")
    try:
        text = json.loads(text)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        text = text.partition("\n")[0]
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
