import os
import re
from collections.abc import Iterator

import pytest

from desync_jobs.server.metrics import SECONDS, Metrics, new_board


@pytest.fixture
def board() -> Iterator[int]:
    descriptor = new_board(2)
    yield descriptor
    os.close(descriptor)


def figures(metrics: Metrics) -> dict[str, str]:
    lines = metrics.text().splitlines()
    return dict(line.rpartition(" ")[::2] for line in lines if not line.startswith("#"))


def test_every_process_tells_the_sum(board: int) -> None:
    first, second = Metrics(board, 0), Metrics(board, 1)
    first.add("sent_bytes", 5)
    second.add("sent_bytes", 7)
    first.answered("GET", 200, 0.0005)
    second.answered("GET", 200, 0.0005)
    second.answered("PUT", 413, 2)

    assert first.text() == second.text()
    assert first.total("sent_bytes") == 12
    assert first.requests == 3
    told = figures(first)
    assert told["desync_run_sent_bytes_total"] == "12"
    assert told['desync_run_requests_total{method="GET",status="200"}'] == "2"
    assert told['desync_run_requests_total{method="PUT",status="413"}'] == "1"


def test_methods_and_statuses_that_nobody_foresaw_are_others(board: int) -> None:
    metrics = Metrics(board, 0)
    metrics.answered("BREW", 418, 0)

    assert figures(metrics)['desync_run_requests_total{method="other",status="other"}'] == "1"


def test_the_histogram_grows_from_bound_to_bound_up_to_all(board: int) -> None:
    metrics = Metrics(board, 0)
    for seconds in (0.0, 0.0001, 0.00011, 0.05, 9.9, 11.0, 1000.0):
        metrics.answered("GET", 200, seconds)

    told = figures(metrics)
    bounds = [*map(str, SECONDS), "+Inf"]
    found = [told[f'desync_run_request_seconds_bucket{{le="{one}"}}'] for one in bounds]
    assert found == ["2", "3", "3", "4", "4", "5", "7"]
    assert told["desync_run_request_seconds_count"] == "7"
    assert float(told["desync_run_request_seconds_sum"]) == pytest.approx(1020.95021)


def test_gauges_go_down_and_are_forgotten_with_their_process(board: int) -> None:
    metrics = Metrics(board, 0)
    metrics.add("connections", 3)
    metrics.add("connections", -1)
    before = metrics.total("connections")
    metrics.add("failures")
    metrics.forget_gauges()

    assert (before, metrics.total("connections"), metrics.total("failures")) == (2, 0, 1)


def test_the_text_is_prometheus_s_format(board: int) -> None:
    metrics = Metrics(board, 0)
    metrics.answered("GET", 200, 0.1)
    sample = re.compile(r'desync_run_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e-]+')
    described: set[str] = set()
    for line in metrics.text().splitlines():
        if line.startswith("# "):
            described.add(line.split()[2])
        else:
            assert sample.fullmatch(line), line
            name = re.split(r"[ {]", line)[0]
            assert described & {name, re.sub(r"_(bucket|sum|count)$", "", name)}, line
