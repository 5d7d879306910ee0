import asyncio
import os
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Response

from desync_jobs.server.answers import content, file_content, text

ETAG = '"abc"'
HEADERS = {"ETag": ETAG, "X-Kept": "yes"}
DATA = b"0123456789"


def answer(**headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return content(make_mocked_request("GET", "/x", headers=named), DATA, HEADERS, ETAG)


def test_a_text_is_kept_by_nobody() -> None:
    told = text(405, "only GET", {"Allow": "GET"})

    assert (told.status, told.text) == (405, "only GET\n")
    assert (told.headers["Cache-Control"], told.headers["Allow"]) == ("no-store", "GET")


def test_content_is_sent_whole_or_in_part() -> None:
    whole, part = answer(), answer(Range="bytes=2-4")

    assert (whole.status, whole.body) == (200, DATA)
    assert (part.status, part.body) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert {one.headers["X-Kept"] for one in (whole, part)} == {"yes"}


def test_what_the_client_has_is_not_sent_again() -> None:
    known = answer(If_None_Match=ETAG, Range="bytes=2-4")

    assert (known.status, known.body, known.headers["ETag"]) == (304, None, ETAG)


def test_a_range_after_the_end_is_an_error_with_the_size() -> None:
    beyond = answer(Range="bytes=10-")

    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */10")
    assert "X-Kept" not in beyond.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"If-None-Match": ETAG}, 304), ({"Range": "bytes=99-"}, 416)],
)
def test_a_file_that_need_not_be_sent_is_not_read(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    (tmp_path / "file").write_bytes(DATA)
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    request = make_mocked_request("GET", "/x", headers=headers)
    sent = asyncio.run(file_content(request, descriptor, len(DATA), HEADERS, ETAG))
    at = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.close(descriptor)

    assert (sent.status, at) == (status, 0)
