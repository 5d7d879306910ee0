"""Operations whose stores are elsewhere, by HTTP."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.blobs import blob
from tests.servers.certificates import Authority
from tests.servers.nginx import Nginx, free_port, running_nginx
from tests.servers.scripted import Received, Reply, scripted_server
from tests.workspace import Ended, Workspace, chunk_file, chunk_files, overwrite

FIRST = blob("first")
QUICK = {"attempts": 2, "backoff": "1ms"}


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with running_nginx(tmp_path_factory.mktemp("nginx") / "server") as server:
        yield server


@pytest.fixture
def store(nginx: Nginx, workspace: Workspace, request: pytest.FixtureRequest) -> Path:
    """The directory behind the store `web`, which is at a URL."""
    name = f"{request.node.name} ü+%41"
    workspace.places["web"] = {"url": f"{nginx.url}/{quote(name)}", "policy": QUICK}
    return nginx.root / name


def extract(workspace: Workspace, **fields: object) -> Ended:
    return workspace.do("extract", index="blob.caibx", target="out", stores=["web"], **fields)


def test_what_is_made_into_a_store_on_the_web_is_what_a_directory_has(
    workspace: Workspace, store: Path
) -> None:
    workspace.make("blob", FIRST, store="web")
    ended = extract(workspace)
    workspace.do("chop", index="blob.caibx", blob="blob", store="directory")

    assert ended.summary == (0, "done")
    assert (workspace / "out").read_bytes() == FIRST
    assert chunk_files(store) == chunk_files(workspace / "directory")


def test_a_cache_is_filled_from_the_web_which_is_then_left_alone(
    workspace: Workspace, store: Path, nginx: Nginx
) -> None:
    workspace.make("blob", FIRST, store="web")
    first = extract(workspace, cache="near")
    (workspace / "out").unlink()
    before = len(nginx.requests())
    second = extract(workspace, cache="near")

    assert [first.summary, second.summary] == [(0, "done")] * 2
    # Zeros are never fetched.
    assert chunk_files(workspace / "near").items() < chunk_files(store).items()
    assert [one for one in nginx.requests()[before:] if one.startswith("GET")] == []


def test_a_chunk_that_the_web_does_not_have_is_missing(workspace: Workspace, store: Path) -> None:
    index = workspace.make("blob", FIRST, store="web")
    chunk_file(store, index.id(3)).unlink()
    ended = extract(workspace)

    assert ended.result.exit_code == 5
    assert f"chunk {index.id(3).hex()} is missing from web" in ended.message
    assert not (workspace / "out").exists()


def test_a_chunk_that_is_damaged_on_the_web_is_told_after_another_attempt(
    workspace: Workspace, store: Path, nginx: Nginx
) -> None:
    index = workspace.make("blob", FIRST, store="web")
    damaged = chunk_file(store, index.id(3))
    overwrite(damaged, b"garbage")
    before = len(nginx.requests())
    ended = extract(workspace)

    asked = [one for one in nginx.requests()[before:] if damaged.name in one and "GET" in one]
    assert ended.result.exit_code == 4
    assert f"store web: chunk {index.id(3).hex()} is invalid" in ended.message
    assert len(asked) == 2


def test_a_server_that_is_not_there_fails_the_run(workspace: Workspace) -> None:
    workspace.make("blob", FIRST)
    url = f"http://127.0.0.1:{free_port()}/store"
    workspace.places["web"] = {"url": url, "policy": QUICK}
    ended = extract(workspace)

    assert ended.result.exit_code == 1
    assert ended.message.startswith(f"store web: cannot read {url}/")
    assert ended.message.endswith("(curl 7) (attempt 2 of 2)")


def test_a_web_server_cannot_be_listed_and_so_not_verified(
    workspace: Workspace, store: Path
) -> None:
    workspace.make("blob", FIRST, store="web")
    ended = workspace.do("verify", store="web")

    assert ended.result.exit_code == 64
    assert "web" in ended.message
    assert "list" in ended.message
    assert store.exists()


def test_the_secret_of_a_store_is_sent_and_never_shown(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_TOKEN", "Bearer verysecret")
    workspace.make("blob", FIRST)

    def answer(request: Received) -> Reply:
        file = workspace / f"store{request.target}"
        if request.headers.get("authorization") != "Bearer verysecret":
            return Reply(401)
        return Reply(body=file.read_bytes()) if file.exists() else Reply(404)

    with scripted_server(otherwise=answer) as server:
        secret = {"env": "WEB_TOKEN"}
        workspace.places["web"] = {"url": server.url, "policy": QUICK, "http_auth": secret}
        ended = extract(workspace)
        (workspace / "out").unlink()
        monkeypatch.setenv("WEB_TOKEN", "Bearer otherwisesecret")
        refused = extract(workspace)

    assert ended.summary == (0, "done")
    assert refused.result.exit_code == 1
    assert "HTTP 401 Unauthorized" in refused.message
    assert "secret" not in refused.message


def test_unverified_certificates_are_a_loud_warning_and_only_one(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    workspace.make("blob", FIRST)

    def answer(request: Received) -> Reply:
        file = workspace / f"store{request.target}"
        return Reply(body=file.read_bytes()) if file.exists() else Reply(404)

    authority = Authority(tmp_path_factory.mktemp("tls") / "ca")
    with scripted_server(otherwise=answer, tls=authority.server()) as server:
        insecure = {"trust_insecure": True}
        workspace.places["web"] = {"url": server.url, "policy": QUICK, "tls": insecure}
        ended = extract(workspace)

    assert ended.summary == (0, "done")
    (warning,) = ended.warnings
    assert warning == (
        "store web: TLS certificates are NOT verified (tls.trust_insecure): whoever is between "
        "here and localhost can read and change everything"
    )


def test_what_a_store_on_the_web_lacks_is_told(workspace: Workspace, store: Path) -> None:
    index = workspace.make("blob", FIRST, store="web")
    chunk_file(store, index.id(3)).unlink()
    overwrite(chunk_file(store, index.id(5)), b"damage")
    fields: dict[str, object] = {"indexes": ["blob.caibx"], "stores": ["web"]}
    asked = workspace.do("verify-chunks", **fields)
    fetched = workspace.do("verify-chunks", **fields, content=True)

    assert [asked.result.exit_code, fetched.result.exit_code] == [5, 5]
    assert (asked.statistics["missing"], asked.statistics["damaged"]) == (1, 0)
    assert (fetched.statistics["missing"], fetched.statistics["damaged"]) == (1, 1)
