"""Logins as `docker login` leaves them."""

import json
import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from desync_jobs.errors import StoreError, UsageError
from desync_jobs.stores.oci.docker import DockerConfig
from desync_jobs.stores.oci.login import Login
from desync_jobs.stores.policy.values import NeverStopped

ALI = Login("ali", "open: sesame")
AUTH = {"auth": b64encode(b"ali:open: sesame").decode()}
Config = Callable[..., DockerConfig]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    def write(**fields: object) -> DockerConfig:
        (tmp_path / "config.json").write_text(json.dumps(fields))
        return docker(DOCKER_CONFIG=str(tmp_path))

    return write


def docker(**environment: str) -> DockerConfig:
    return DockerConfig(environment, "store hub", NeverStopped())


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Make a credential helper of a shell script, which has what it is given in $1."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def write(name: str, script: str) -> None:
        program = tmp_path / f"docker-credential-{name}"
        program.write_text(f'#!/bin/sh\n[ "$*" = get ] || exit 9\nset -- "$(cat)"\n{script}\n')
        program.chmod(0o755)

    return write


@pytest.mark.parametrize(
    ("key", "entry", "login"),
    [
        ("r.example:5000", AUTH, ALI),
        ("https://r.example:5000", AUTH, ALI),
        ("http://r.example:5000/v2/", AUTH, ALI),
        ("r.example:5000", {"username": "ali", "password": "open: sesame"}, ALI),
        ("r.example:5000", {**AUTH, "identitytoken": "t"}, Login("ali", "open: sesame", "t")),
        ("r.example:5000", {"identitytoken": "t"}, Login("", "", "t")),
        ("r.example:5000", {"auth": b64encode(b"ali:x\0\0").decode()}, Login("ali", "x")),
        ("r.example:5000", {}, None),
        ("r.example:5000", 7, None),
        ("r.example", AUTH, None),
        ("other.example:5000", AUTH, None),
    ],
)
def test_the_entry_of_a_registry_is_found(
    config: Config, key: str, entry: object, login: Login | None
) -> None:
    found = config(auths={key: entry}).login("r.example:5000")

    assert found == login
    assert found is None or login is None or found.password == login.password


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_the_registry_of_docker_has_a_name_of_its_own(config: Config, host: str) -> None:
    assert config(auths={"https://index.docker.io/v1/": AUTH}).login(host) == ALI


def test_without_a_configuration_there_is_no_login(tmp_path: Path) -> None:
    assert docker().login("r.example") is None
    assert docker(HOME=str(tmp_path)).login("r.example") is None
    assert docker(DOCKER_CONFIG=str(tmp_path / "absent")).login("r.example") is None


def test_the_configuration_of_the_home_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {"r.example": AUTH}}))

    assert docker(HOME=str(tmp_path)).login("r.example") == ALI
    assert docker(HOME=str(tmp_path), DOCKER_CONFIG="/nowhere").login("r.example") is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'{"auths": []}', None),
        (b'{"auths": 7}', "has no table in auths"),
        (b'{"credHelpers": "x"}', "has no table in credHelpers"),
        (b'{"auths": {"r.example": {"auth": "!"}}}', "has no user and password in auths.r.example"),
        (b'{"auths": {"r.example": {"auth": "eA=="}}}', "has no user and password in auths"),
        (b'{"credsStore": "../x"}', "names '../x', which cannot be a credential helper"),
        (b" " * ((4 << 20) + 1), "has more than 4194304 bytes"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_a_configuration_that_cannot_be_understood_is_an_error(
    tmp_path: Path, content: bytes, problem: str | None
) -> None:
    (tmp_path / "config.json").write_bytes(content)
    known = docker(DOCKER_CONFIG=str(tmp_path))
    if problem is None:
        assert known.login("r.example") is None
        return

    with pytest.raises(UsageError) as caught:
        known.login("r.example")
    assert str(caught.value).startswith("store hub: Docker's configuration /")
    assert problem in str(caught.value)


def test_a_helper_is_asked_for_its_registry(
    config: Config, helper: Callable[[str, str], None]
) -> None:
    helper("one", """printf '{"Username": "%s", "Secret": "s"}' "$1" """)
    helper("all", """echo '{"ServerURL": "x", "Username": "<token>", "Secret": "t"}'""")
    known = config(credHelpers={"r.example": "one"}, credsStore="all", auths={"r.example": AUTH})

    assert known.login("r.example") == Login("r.example", "s")
    assert known.login("other.example") == Login("", "", "t")


def test_a_helper_that_knows_nothing_means_no_login(
    config: Config, helper: Callable[[str, str], None]
) -> None:
    helper("all", "echo credentials not found in native keychain; exit 1")

    assert config(credsStore="all").login("r.example") is None


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo the keychain is locked >&2; exit 1", "ended with code 1: the keychain is locked"),
        ("echo nonsense", "does not print a login"),
        ("echo []", "does not print a login"),
        ("echo '{}'", "does not print a login"),
        ("head -c 100000 /dev/zero", "prints more than 65536 bytes; it was killed"),
    ],
)
def test_a_helper_that_fails_is_an_error(
    config: Config, helper: Callable[[str, str], None], script: str, problem: str
) -> None:
    helper("all", script)

    with pytest.raises(StoreError) as caught:
        config(credsStore="all").login("r.example")
    assert str(caught.value) == f"store hub: docker-credential-all {problem}"


def test_a_helper_that_is_not_there_is_an_error(config: Config) -> None:
    with pytest.raises(StoreError, match=r"^store hub: docker-credential-absent cannot be run"):
        config(credsStore="absent").login("r.example")


def test_a_helper_that_does_not_listen_is_heard(config: Config, tmp_path: Path) -> None:
    program = tmp_path / "docker-credential-deaf"
    program.write_text('#!/bin/sh\nexec <&-\necho \'{"Username": "a", "Secret": "b"}\'\n')
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

        assert config(credsStore="deaf").login("r.example") == Login("a", "b")
