"""Jobs whose stores and indexes are elsewhere, on a real web server."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import tomli_w

from desync_jobs.execute.blobs import written_by
from tests.blobs import blob
from tests.conftest import Run
from tests.servers.nginx import Nginx, free_port, running_nginx
from tests.workspace import SMALL, Ended, Workspace

FIRST = blob("first")
TOKEN = "Bearer hunter2-hunter2"  # noqa: S105 - opens nothing but the server of these tests
QUICK = {"attempts": 2, "backoff": "1ms", "connect_timeout": "2s"}
_LOCKED = f"""
location /locked/ {{
    if ($http_authorization != "{TOKEN}") {{ return 401; }}
    dav_methods PUT DELETE MKCOL;
    create_full_put_path on;
}}
"""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with running_nginx(tmp_path_factory.mktemp("nginx") / "n", more=_LOCKED) as server:
        yield server


@pytest.fixture
def base(nginx: Nginx, workspace: Workspace) -> str:
    """A URL of this test's own; `store` is below it."""
    url = f"{nginx.url}/{workspace.path.name}"
    workspace.places["store"] = {"url": f"{url}/store", "policy": QUICK}
    (workspace / "blob").write_bytes(FIRST)
    return url


def _make(workspace: Workspace, url: str, **fields: Any) -> Ended:
    settings = {"blob": "blob", "index": url, "store": "store", "chunk_size": SMALL, **fields}
    return workspace.do("make", **settings)


def test_a_blob_goes_to_a_server_and_comes_back(
    workspace: Workspace, nginx: Nginx, base: str
) -> None:
    made = _make(workspace, f"{base}/indexes/my%20blob.caibx")
    got = workspace.do(
        "extract", index=f"{base}/indexes/my%20blob.caibx", target="out", stores=["store"]
    )

    stored = nginx.root / workspace.path.name / "store"
    index = nginx.root / workspace.path.name / "indexes" / "my blob.caibx"
    (workspace / "copy.caibx").write_bytes(index.read_bytes())
    checked = workspace.do("verify-index", index="copy.caibx", blob="blob")
    assert made.summary == (0, "done"), made.message
    assert made.statistics["chunks_stored"] == len(list(stored.rglob("*.cacnk")))
    assert got.summary == (0, "done"), got.message
    assert (workspace / "out").read_bytes() == FIRST
    assert checked.summary == (0, "done")


def test_an_index_that_is_there_already_is_not_sent_again(
    workspace: Workspace, nginx: Nginx, base: str
) -> None:
    url = f"{base}/x.caibx"
    _make(workspace, url)
    before = len(nginx.requests())
    again = _make(workspace, url)
    after_first = [line for line in nginx.requests()[before:] if line.startswith("PUT")]
    changed = _make(workspace, url, chunk_size="1KiB:4KiB:16KiB")

    assert again.summary == (0, "unchanged")
    assert after_first == []
    assert changed.summary == (0, "done")
    assert f"PUT /{workspace.path.name}/x.caibx 204" in nginx.requests()


def test_many_blobs_have_their_indexes_on_a_server(
    workspace: Workspace, nginx: Nginx, base: str
) -> None:
    names = ["a b.img", "c.img"]
    for name in names:
        (workspace / name).write_bytes(FIRST + name.encode())
    make = {"kind": "make", "blobs": "*.img", "store": "store", "chunk_size": SMALL}
    make["indexes"] = f"{base}/many"
    job = workspace.job({"put": make})
    ended = workspace.run({"put": make})
    before = len(nginx.requests())
    again = workspace.run({"put": make})
    sent = [line for line in nginx.requests()[before:] if line.startswith("PUT")]

    assert ended.summary == (0, "done"), ended.message
    # What a lease tells collectors of.
    urls = [f"{base}/many/a%20b.img.caibx", f"{base}/many/c.img.caibx"]
    assert list(written_by(job, job.spec.operations["put"])) == urls
    assert (again.summary, sent) == ((0, "unchanged"), [])
    for name, url in zip(names, urls, strict=True):
        index = nginx.root / workspace.path.name / "many" / f"{name}.caibx"
        assert index.stat().st_size > 0
        workspace.do("extract", index=url, target="out", stores=["store"])
        assert (workspace / "out").read_bytes() == FIRST + name.encode()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("cat", {"stores": ["store"]}),
        ("list-chunks", {}),
        ("info", {"stores": ["store"], "seeds": ["URL"]}),
        ("inspect-chunks", {"store": "store"}),
        ("verify-index", {"blob": "blob"}),
        ("chop", {"blob": "blob", "store": "copy", "ignore": ["URL"]}),
    ],
)
def test_every_operation_reads_an_index_by_its_url(
    workspace: Workspace, base: str, kind: str, fields: dict[str, Any]
) -> None:
    url = f"{base}/x.caibx"
    index = workspace.make("blob", FIRST, store="store")
    _make(workspace, url)
    given = {key: [url] if value == ["URL"] else value for key, value in fields.items()}
    ended = workspace.do(kind, index=url, **given)

    assert ended.result.exit_code == 0, ended.message
    if kind == "cat":
        assert ended.output == FIRST
    if kind == "list-chunks":
        assert ended.output.count(b"\n") == len(index)
    if kind == "info":
        assert json.loads(ended.output)["in-seed"] == json.loads(ended.output)["unique"]
        assert json.loads(ended.output)["in-store"] == json.loads(ended.output)["unique"]


def test_a_cache_is_filled_from_indexes_elsewhere(workspace: Workspace, base: str) -> None:
    url = f"{base}/x.caibx"
    made = _make(workspace, url)
    ended = workspace.do("cache", indexes=[url], stores=["store"], cache="near")
    left_out = workspace.do("cache", indexes=[url], ignore=[url], stores=["store"], cache="other")

    assert ended.summary == (0, "done"), ended.message
    assert ended.statistics["chunks_stored"] == made.statistics["chunks_stored"]
    assert left_out.summary == (0, "unchanged")


def test_an_index_that_is_not_there_is_missing_and_one_that_is_none_is_invalid(
    workspace: Workspace, nginx: Nginx, base: str
) -> None:
    folder = nginx.root / workspace.path.name
    folder.mkdir()
    (folder / "bad.caibx").write_bytes(b"no index at all, whatever it is called")

    missing = workspace.do("list-chunks", index=f"{base}/x.caibx")
    invalid = workspace.do("list-chunks", index=f"{base}/bad.caibx")

    assert missing.result.exit_code == 5
    assert missing.message == f"{base}/x.caibx: index does not exist"
    assert invalid.result.exit_code == 4
    assert invalid.message.startswith(f"{base}/bad.caibx: ")


def test_an_operation_comes_after_the_one_that_makes_its_index(
    workspace: Workspace, base: str
) -> None:
    url = f"{base}/x.caibx"
    operations: Mapping[str, Mapping[str, Any]] = {
        "back": {"kind": "extract", "index": url, "target": "out", "stores": ["store"]},
        "make": {"kind": "make", "blob": "blob", "index": url, "store": "store"},
    }
    planned = workspace.plan(operations)
    ended = workspace.run(operations)

    assert [step.operation for step in planned.steps] == ["make", "back"]
    assert planned.steps[1].reason == "planned when make is done"
    assert ended.statuses == {"make": "done", "back": "done"}
    assert (workspace / "out").read_bytes() == FIRST


def test_a_store_that_cannot_be_listed_is_not_verified(workspace: Workspace, base: str) -> None:
    del base
    ended = workspace.do("verify", store="store")

    assert ended.result.exit_code == 64
    assert ended.message == ("store store: an HTTP place cannot be listed, which verify needs")


def test_a_server_that_is_down_is_an_error_unless_another_stands_for_it(
    workspace: Workspace, base: str, desync_run: Run
) -> None:
    _make(workspace, "x.caibx")
    dead = f"http://127.0.0.1:{free_port()}/store"
    quick = ["-e", "1", "x.caibx", "out"]

    alone = desync_run("extract", "-s", dead, *quick)
    grouped = desync_run("extract", "-s", f"{dead}|{base}/store", *quick)

    assert alone.returncode == 1
    assert b"store store: cannot read " in alone.stderr
    assert grouped.returncode == 0, grouped.stderr
    assert (workspace / "out").read_bytes() == FIRST


def _locked_job(workspace: Workspace, base: str, **changes: object) -> str:
    locked = base.replace(workspace.path.name, f"locked/{workspace.path.name}")
    auth = {"http_auth": {"env": "TOKEN"}, "policy": QUICK}
    document = {
        "version": 1,
        "stores": {"locked": {"url": f"{locked}/store", **auth}},
        "index_stores": {"locked-indexes": {"url": locked, **auth}},
        "operations": {
            "make": {
                "kind": "make",
                "blob": "blob",
                "index": f"{locked}/indexes/x.caibx",
                "store": "locked",
            },
            "back": {
                "kind": "extract",
                "index": f"{locked}/indexes/x.caibx",
                "target": "out",
                "stores": ["locked"],
            },
        },
        **changes,
    }
    (workspace / "job.toml").write_text(tomli_w.dumps(document))
    return "job.toml"


@pytest.mark.parametrize("token", [TOKEN, "Bearer hunter2-wrong"])
def test_a_secret_opens_a_place_and_is_never_shown(
    workspace: Workspace, base: str, desync_run: Run, token: str
) -> None:
    job = _locked_job(workspace, base)

    shown = [
        desync_run(*arguments, TOKEN=token)
        for arguments in (
            ["validate", "--json", job],
            ["plan", "--json", job],
            ["plan", job],
            ["run", "--events", "events.jsonl", "--json", job],
            ["run", job],
        )
    ]

    right = token == TOKEN
    assert [ended.returncode for ended in shown] == ([0] * 5 if right else [0, 1, 1, 1, 1])
    assert (workspace / "out").exists() == right
    if not right:
        assert b"401" in shown[-1].stderr
    told = b"".join(ended.stdout + ended.stderr for ended in shown)
    assert b"hunter2" not in told
    assert b"hunter2" not in (workspace / "events.jsonl").read_bytes()


def test_a_secret_that_is_not_set_is_told_by_its_name(
    workspace: Workspace, base: str, desync_run: Run
) -> None:
    ended = desync_run("run", _locked_job(workspace, base))

    assert ended.returncode == 64
    assert b"http_auth: the environment variable TOKEN is not set" in ended.stderr


def test_chunks_are_encrypted_on_the_way_out(
    workspace: Workspace, nginx: Nginx, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "ab" * 32)
    key = {"algorithm": "aes-256-gcm", "key": {"env": "KEY"}}
    workspace.places["store"]["encryption"] = key
    made = _make(workspace, f"{base}/x.caibx")
    got = workspace.do("extract", index=f"{base}/x.caibx", target="out", stores=["store"])

    files = list((nginx.root / workspace.path.name / "store").rglob("*.cacnk*"))
    assert made.summary == (0, "done"), made.message
    assert got.summary == (0, "done"), got.message
    assert (workspace / "out").read_bytes() == FIRST
    assert {"".join(path.suffixes)[:18] for path in files} == {".cacnk.aes-256-gcm"}


def test_a_cache_elsewhere_is_filled(workspace: Workspace, nginx: Nginx, base: str) -> None:
    workspace.places["near"] = {"url": f"{base}/near", "policy": QUICK}
    _make(workspace, "x.caibx")
    first = workspace.do("extract", index="x.caibx", target="a", stores=["store"], cache="near")
    second = workspace.do("extract", index="x.caibx", target="b", stores=["store"], cache="near")

    kept = list((nginx.root / workspace.path.name / "near").rglob("*.cacnk"))
    assert first.summary == (0, "done"), first.message
    assert first.statistics["stores"]["store"]["chunks"] == len(kept) > 0
    assert second.statistics["stores"]["store"]["chunks"] == 0


@pytest.mark.usefixtures("workspace")
def test_commands_take_urls_wherever_they_take_stores_and_indexes(
    base: str, desync_run: Run
) -> None:
    made = desync_run("make", f"{base}/x.caibx", "blob", "-s", f"{base}/store")
    got = desync_run(
        "cat", f"{base}/x.caibx", "-s", f"{base}/store", "-c", f"{base}/near", "-e", "2"
    )

    assert made.returncode == 0, made.stderr
    assert got.returncode == 0, got.stderr
    assert got.stdout == FIRST


def test_archives_are_read_from_indexes_on_a_server(workspace: Workspace, base: str) -> None:
    url = f"{base}/tree.caidx"
    (workspace / "tree").mkdir()
    (workspace / "tree" / "file").write_bytes(FIRST)
    workspace.seeds["tree"] = {"tree": "tree"}
    made = workspace.do("tar", directory="tree", index=url, store="store", chunk_size=SMALL)
    read: dict[str, Any] = {"index": url, "stores": ["store"]}
    fetched = workspace.do("untar", target="fetched", **read)
    seeded = workspace.do("untar", target="seeded", seeds=["tree"], atomic=True, **read)
    described = workspace.do("mtree", seeds=["tree"], **read)

    assert [one.summary for one in (made, fetched, seeded, described)] == [(0, "done")] * 4
    assert fetched.statistics["stores"]["store"]["chunks"] >= made.statistics["chunks_stored"] > 0
    assert seeded.statistics["stores"]["store"]["requests"] == 0
    assert b"file" in described.output
    for name in ("fetched", "seeded"):
        assert (workspace / name / "file").read_bytes() == FIRST
