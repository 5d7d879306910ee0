import asyncio
from collections.abc import Iterator, Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from aiohttp.web_request import BaseRequest

from desync_jobs.errors import StoreError
from desync_jobs.server.answers import RefusedError
from desync_jobs.server.authorization import Authorization
from desync_jobs.server.front import Admission, Front
from desync_jobs.server.metrics import Metrics, new_board
from desync_jobs.server.paths import PathError


class Scripted:
    """An app that answers, or raises, what it was given."""

    def __init__(self) -> None:
        self.outcome: Exception | None = None
        self.asked = 0

    async def answer(self, request: BaseRequest) -> web.StreamResponse:
        del request
        self.asked += 1
        if self.outcome is not None:
            raise self.outcome
        return web.Response(body=b"content")


class Served:
    def __init__(self, header: str | None = None) -> None:
        self.said: list[str] = []
        self.app = Scripted()
        self.metrics = Metrics(new_board(1), 0)
        admission = Admission(self.app, Authorization(header))
        self.front = Front(admission, self.metrics, self.said.append)

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        request = make_mocked_request(method, path, headers=headers)
        answer = asyncio.run(self.front.handle(request))
        assert isinstance(answer, web.Response)
        return answer.status, (answer.text or "").rstrip("\n")


@pytest.fixture
def served() -> Iterator[Served]:
    one = Served()
    yield one
    assert one.metrics.total("requests_in_flight") == 0
    assert one.front.busy == set()


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (PathError("no such path"), (400, "no such path")),
        (RefusedError(404, "not here"), (404, "not here")),
    ],
)
def test_what_clients_did_wrong_they_are_told(
    served: Served, error: Exception, answer: tuple[int, str]
) -> None:
    served.app.outcome = error

    assert served.ask("/x") == answer
    assert served.said == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StoreError("secret place is down"), "GET /x: secret place is down"),
        (OSError(5, "Input/output error", "/secret"), "GET /x: Input/output error"),
        (ValueError("secret"), "a defect, please report it: GET: Traceback"),
    ],
)
def test_of_what_stores_cannot_do_clients_learn_nothing(
    served: Served, error: Exception, said: str
) -> None:
    """desync told clients its errors once (its pull request 331)."""
    served.app.outcome = error

    assert served.ask("/x") == (500, "internal server error")
    assert len(served.said) == 1
    assert served.said[0].startswith(said)
    assert served.metrics.total("failures") == 1


def test_the_same_complaint_is_made_once_in_a_while(served: Served) -> None:
    served.app.outcome = StoreError("is down")
    for _ in range(100):
        served.ask("/x")

    assert len(served.said) < 10
    assert served.metrics.total("failures") == 100


def test_a_client_that_has_gone_is_no_failure(served: Served) -> None:
    served.app.outcome = ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        served.ask("/x")
    assert served.said == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "BREW"])
@pytest.mark.parametrize("path", ["/x", "/", "/metrics", "*"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer no"}])
def test_nothing_is_looked_at_without_authorization(
    method: str, path: str, headers: Mapping[str, str]
) -> None:
    """desync's index server did not ask for it once (its pull request 327)."""
    guarded = Served("Bearer yes")

    assert guarded.ask(path, method, **headers) == (401, "Unauthorized")
    assert guarded.app.asked == 0
    assert guarded.ask("/x", Authorization="Bearer yes") == (200, "content")


def test_health_is_told_to_everybody_and_a_server_that_ends_is_not_well() -> None:
    guarded = Served("Bearer yes")
    well, wrong = guarded.ask("/healthz"), guarded.ask("/healthz", "PUT")
    guarded.front.draining = True

    assert (well, wrong) == ((200, "ok"), (405, "only GET and HEAD are supported"))
    assert guarded.ask("/healthz") == (503, "draining")


def test_every_answer_of_a_server_that_ends_closes_its_connection(served: Served) -> None:
    served.front.draining = True
    answer = asyncio.run(served.front.handle(make_mocked_request("GET", "/x")))

    assert answer.keep_alive is False


def test_metrics_count_what_was_answered_before(served: Served) -> None:
    served.ask("/x")
    told = served.ask("/metrics")[1].splitlines()

    assert 'desync_run_requests_total{method="GET",status="200"} 1' in told
    assert "desync_run_sent_bytes_total 7" in told
