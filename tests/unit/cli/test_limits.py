import json
import os
import random
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.servers.own import chunk_server

Run = Callable[..., CompletedProcess[bytes]]

JOB = """\
version = 1

[stores.origin]
url = "origin"

[limits]
max_download = "1 GiB"

[operations.copy]
kind = "extract"
index = "image.caibx"
target = "copy"
stores = ["origin"]
"""


@pytest.fixture
def job(tmp_path: Path, desync_run: Run) -> Path:
    (tmp_path / "image").write_bytes(random.Random(7).randbytes(300_000))
    (tmp_path / "job.toml").write_text(JOB)
    (tmp_path / "origin").mkdir()
    assert desync_run("make", "-s", "origin", "image.caibx", "image").returncode == 0
    return tmp_path


def stored(job: Path) -> int:
    return sum(path.stat().st_size for path in (job / "origin").rglob("*.cacnk"))


def test_nothing_is_begun_that_would_pass_a_limit(job: Path, desync_run: Run) -> None:
    ended = desync_run("job.toml", "--max-download", "100 KiB")

    assert ended.returncode == 8
    assert ended.stderr.decode() == (
        "desync-run: 293.1 KiB would come from stores, more than max_download = 100.0 KiB; "
        "nothing of that is fetched\n"
    )
    assert sorted(os.listdir(job)) == ["image", "image.caibx", "job.toml", "origin"]


def test_a_limit_of_exactly_what_is_needed_is_not_passed(job: Path, desync_run: Run) -> None:
    size = stored(job)

    assert desync_run("job.toml", "--max-download", f"{size - 1}").returncode == 8
    assert desync_run("job.toml", "--max-download", f"{size}").returncode == 0


def test_the_limits_of_the_job_count_unless_others_are_given(job: Path, desync_run: Run) -> None:
    (job / "job.toml").write_text(JOB.replace("1 GiB", "1 KiB"))

    assert desync_run("job.toml").returncode == 8
    assert desync_run("job.toml", "--max-requests", "100").returncode == 8
    assert desync_run("job.toml", "--max-download", "1 GiB").returncode == 0


def test_a_plan_says_which_limit_would_be_passed_and_is_not_saved(
    job: Path, desync_run: Run
) -> None:
    ended = desync_run("plan", "job.toml", "--max-requests", "0", "--json", "-o", "saved")

    assert ended.returncode == 8
    assert json.loads(ended.stdout)["limit"].startswith("stores would be asked ")
    assert not (job / "saved").exists()


def test_a_saved_plan_obeys_the_limits_that_it_is_applied_with(job: Path, desync_run: Run) -> None:
    assert desync_run("plan", "job.toml", "-q", "-o", "saved").returncode == 0

    assert desync_run("apply", "saved", "--max-requests", "1").returncode == 8
    assert not (job / "copy").exists()
    assert desync_run("apply", "saved").returncode == 0


def test_what_is_planned_on_the_way_obeys_the_limits_too(job: Path, desync_run: Run) -> None:
    made = '[operations.index]\nkind = "make"\nblob = "image"\nindex = "image.caibx"\n'
    (job / "job.toml").write_text(f'{JOB}\n{made}store = "origin"\nchunk_size = "1 KiB"\n')

    ended = desync_run("job.toml", "--max-requests", "50")

    assert ended.returncode == 8
    assert ended.stdout.decode().startswith("index: cut 293.0 KiB")
    assert b"copy: stores would be asked " in ended.stderr
    assert not (job / "copy").exists()


PRICED = JOB.replace(
    "[limits]",
    'reads = "own"\nprices = { currency = "EUR", download_gib = 2.50, get_1000 = 1 }\n[limits]',
)


def cost(job: Path, requests: int) -> Decimal:
    return Decimal("2.50") * stored(job) / 2**30 + Decimal(requests) / 1000


def test_a_plan_says_to_the_last_digit_what_it_costs_and_more_is_not_begun(
    job: Path, desync_run: Run
) -> None:
    (job / "job.toml").write_text(PRICED)
    plan = json.loads(desync_run("plan", "job.toml", "--json").stdout)
    words = desync_run("plan", "job.toml").stdout.decode()
    requests = plan["steps"][0]["reads"][0]["requests"]
    exactly = cost(job, requests)
    less = desync_run("job.toml", "--max-cost", f"{exactly - Decimal('1e-12'):.12f} EUR")
    other = desync_run("job.toml", "--max-cost", "5 USD")

    assert plan["charge"] == plan["steps"][0]["charge"]
    assert Decimal(plan["charge"]["lower"]) == Decimal(plan["charge"]["upper"]) == exactly
    assert re.search(r"\n    costs    0\.\d+ EUR\n", words)
    assert less.returncode == 8
    assert re.match(
        rb"desync-run: 0\.\d+ EUR would be asked for it, more than max_cost", less.stderr
    )
    assert other.returncode == 64
    assert other.stderr == (
        b"desync-run: --max-cost: stores.origin has prices in EUR; write the limit in that "
        b"currency\n"
    )
    assert not (job / "copy").exists()
    assert desync_run("job.toml", "--max-cost", "0.01 EUR").returncode == 0


def test_a_limit_on_money_that_every_job_is_given_does_not_stop_one_without_prices(
    job: Path, desync_run: Run
) -> None:
    ended = desync_run("job.toml", "--max-cost", "5 EUR")

    assert ended.returncode == 0
    assert ended.stderr == (
        b"desync-run: --max-cost: no store or cache has prices, so it limits nothing\n"
    )
    assert (job / "copy").read_bytes() == (job / "image").read_bytes()


def test_a_saved_plan_has_what_each_step_costs_and_prices_are_a_part_of_what_it_is_made_of(
    job: Path, desync_run: Run
) -> None:
    (job / "job.toml").write_text(PRICED)
    saved = []
    for name in ("one", "two"):
        assert desync_run("plan", "job.toml", "-q", "-o", name).returncode == 0
        saved.append((job / name).read_bytes())
    charge = json.loads(saved[0])["steps"][0]["charge"]
    (job / "job.toml").write_text(PRICED.replace("2.50", "3"))
    changed = desync_run("apply", "one")
    (job / "job.toml").write_text(PRICED)

    assert saved[0] == saved[1]
    assert charge["currency"] == "EUR"
    assert Decimal(charge["upper"]) > 0
    assert changed.returncode == 6
    assert b"stores.origin of the job has changed" in changed.stderr
    assert desync_run("apply", "one", "--max-cost", "0 EUR").returncode == 8
    assert desync_run("apply", "two").returncode == 0


def test_what_is_planned_on_the_way_may_not_cost_more_either(job: Path, desync_run: Run) -> None:
    made = '[operations.index]\nkind = "make"\nblob = "image"\nindex = "image.caibx"\n'
    (job / "job.toml").write_text(f'{PRICED}\n{made}store = "origin"\nchunk_size = "1 KiB"\n')

    # At most 1,172 chunks are looked for; then 304 are fetched besides.
    ended = desync_run("job.toml", "--max-cost", "1.4 EUR")

    assert ended.returncode == 8
    assert b"copy: up to 1.48 EUR would be asked for it" in ended.stderr
    assert not (job / "copy").exists()


def test_a_run_that_takes_too_long_is_stopped_in_good_order(job: Path, desync_run: Run) -> None:
    os.mkfifo(job / "slow")
    (job / "job.toml").write_text(
        'version = 1\n[operations.wait]\nkind = "digest"\nblob = "slow"\n'
        '[limits]\nmax_duration = "200ms"\n'
    )
    # Somebody has to have it open, or opening it waits before anything can be stopped.
    held = os.open(job / "slow", os.O_RDWR)
    ended = desync_run("job.toml")
    os.close(held)

    assert ended.returncode == 8
    assert ended.stderr.decode().splitlines()[-1] == (
        "desync-run: stopped by max_duration, after 0.2 s; what was published before is complete"
    )


@pytest.mark.parametrize(
    ("options", "least"),
    [
        ([], 0.0),
        (["--max-bandwidth", "150 KiB"], 0.9),
        (["--max-requests-per-second", "8"], 0.4),
    ],
)
def test_a_host_is_asked_no_faster_than_the_command_line_allows(
    job: Path, desync_run: Run, options: list[str], least: float
) -> None:
    with chunk_server("-s", "origin", directory=job) as server:
        text = JOB.replace('url = "origin"', f'url = "{server.url}/"')
        (job / "job.toml").write_text(f"{text}\n[policy]\nconcurrency = 1\n")
        ended = desync_run("job.toml", "--json", *options)
    (outcome,) = json.loads(ended.stdout)["operations"]

    assert ended.returncode == 0, ended.stderr
    assert (job / "copy").read_bytes() == (job / "image").read_bytes()
    assert outcome["seconds"] >= least


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("--max-bandwidth=0", "--max-bandwidth: '0' should be more than nothing"),
        ("--max-requests-per-second=none", "--max-requests-per-second: should be a number of "),
        ("--max-download=lots", "--max-download: 'lots' is not a size; write bytes, or for exam"),
        ("--max-requests=-1", "--max-requests: should be a whole number from 0 to 1"),
        (
            "--max-cost=5",
            "--max-cost: '5' is not an amount of money; write for example '12.50 EUR'",
        ),
        ("--max-duration=5", "--max-duration: '5' is not a duration; write for example"),
    ],
)
def test_a_limit_that_is_none_is_refused(
    job: Path, desync_run: Run, option: str, complaint: str
) -> None:
    del job
    ended = desync_run("job.toml", option)

    assert ended.returncode == 64
    assert ended.stderr.decode().startswith(f"desync-run: {complaint}")
