from pathlib import Path

import click
import pytest
import tomli
from click.testing import CliRunner

from desync_jobs.cli.commands.extract import command as extract
from desync_jobs.cli.commands.list_chunks import command as list_chunks
from desync_jobs.cli.commands.make import command as make
from desync_jobs.cli.connection import Connection
from desync_jobs.cli.oneline import OneLine


def _document(command: click.Command, *arguments: str) -> dict[str, object]:
    ended = CliRunner().invoke(command, [*arguments, "--print-manifest"], standalone_mode=False)
    if ended.exception is not None:
        raise ended.exception
    return tomli.loads(ended.output)


def test_a_url_is_a_store_a_cache_and_the_place_of_an_index() -> None:
    document = _document(
        extract, "https://h/i.caibx", "out", "-s", "s3+https://h/b/p", "-c", "http://h/cache"
    )

    assert document == {
        "version": 1,
        "stores": {"store": {"url": "s3+https://h/b/p"}},
        "caches": {"cache": {"url": "http://h/cache"}},
        "operations": {
            "extract": {
                "kind": "extract",
                "index": "https://h/i.caibx",
                "target": "out",
                "stores": ["store"],
                "cache": "cache",
            }
        },
    }


def test_a_bar_between_locations_makes_a_failover_group() -> None:
    document = _document(extract, "i", "out", "-s", "https://a/|https://b/", "-s", "c")

    assert document["stores"] == {
        "store-1-member-1": {"url": "https://a/"},
        "store-1-member-2": {"url": "https://b/"},
        "store-2": {"url": "c"},
    }
    assert document["failover_groups"] == {
        "store-1": {"members": ["store-1-member-1", "store-1-member-2"]}
    }
    operations = document["operations"]
    assert isinstance(operations, dict)
    assert operations["extract"]["stores"] == ["store-1", "store-2"]


@pytest.mark.parametrize("name", ["a|b", "|a", "a|"])
def test_a_directory_with_a_bar_in_its_name_is_one_store(tmp_path: Path, name: str) -> None:
    (tmp_path / "a|b").mkdir()
    line = OneLine("cat", {"index": "i"}, stores=(f"{tmp_path}/{name}" if name == "a|b" else name,))

    assert list(line.document()["stores"]) == ["store"]  # type: ignore[call-overload] # a table
    assert "failover_groups" not in line.document()


def test_certificates_are_put_where_they_belong_and_nowhere_else() -> None:
    document = _document(
        extract,
        *("https://h/dir/i.caibx", "out", "-s", "/srv", "-s", "https://h/s", "-s", "http://h/s"),
        *("--client-cert", "c.pem", "--client-key", "k.pem", "--ca-cert", "ca.pem", "-t"),
    )

    tls = {
        "ca": "ca.pem",
        "ca_only": True,
        "client_cert": "c.pem",
        "client_key": "k.pem",
        "trust_insecure": True,
    }
    assert document["stores"] == {
        "store-1": {"url": "/srv"},
        "store-2": {"url": "https://h/s", "tls": tls},
        "store-3": {"url": "http://h/s"},
    }
    assert document["index_stores"] == {"index-1": {"url": "https://h/dir/", "tls": tls}}


def test_certificates_without_a_place_that_has_them_are_refused() -> None:
    with pytest.raises(click.UsageError, match="no place that is asked over TLS"):
        _document(list_chunks, "i.caibx", "--ca-cert", "ca.pem")


@pytest.mark.parametrize(
    ("arguments", "policy"),
    [
        (["-e", "5"], {"attempts": 5}),
        (["--error-retry", "0"], {"attempts": 1}),
        (["-b", "2s"], {"backoff": "2s"}),
        (["-e", "1", "-b", "100ms"], {"attempts": 1, "backoff": "100ms"}),
        (["-b", "1m30s"], {"backoff": "90s"}),
        (["-b", "1.5s20ms"], {"backoff": "1520ms"}),
        (["-b", "250000us"], {"backoff": "250ms"}),
        (["-b", "0"], {"backoff": "0ms"}),
    ],
)
def test_retries_are_the_policy_of_the_job(arguments: list[str], policy: dict[str, object]) -> None:
    document = _document(make, "i", "b", "-s", "https://h/s", *arguments)

    assert document["policy"] == policy


@pytest.mark.parametrize("text", ["2", "soon", "-1s", "1s1"])
def test_an_interval_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a duration"):
        _document(make, "i", "b", f"--error-retry-base-interval={text}")


def test_nothing_asked_for_changes_nothing() -> None:
    document = {"version": 1, "stores": {"s": {"url": "https://h/"}}, "operations": {"a": {}}}

    assert Connection().put_into(document) == document
