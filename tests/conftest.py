import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.forked import Forked, forking, has_to_start
from tests.workspace import Workspace

# A test fails for what it finds, and not for what else the machine does; CI has such a profile.
settings.register_profile(
    "unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
if "CI" not in os.environ:
    settings.load_profile("unhurried")

REPOSITORY = Path(__file__).parents[1]

_LEFT_AT_THE_END = 1 << 30
"""Bytes that tests may leave for what comes after them, in one process."""

Run = Callable[..., subprocess.CompletedProcess[bytes]]
Start = Callable[..., subprocess.Popen[bytes]]


def pytest_xdist_auto_num_workers() -> int:
    """Have half as many processes again as cores: a good part of the suite waits for servers."""
    return max(1, len(os.sched_getaffinity(0)) * 3 // 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs on Ceph, unless it is asked for: `just test-ceph` does."""
    if "CEPH_TESTS" in os.environ:
        return
    on_ceph = [item for item in items if "ceph" in item.nodeid.lower()]
    config.hook.pytest_deselected(items=on_ceph)
    items[:] = [item for item in items if "ceph" not in item.nodeid.lower()]


@pytest.fixture(scope="session", autouse=True)
def _few_files_left(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """A disk of a few GB is enough for the suite: what a test has written goes with it."""
    yield
    if request.session.testsfailed:
        return  # their files are kept, to be looked at
    folder = tmp_path_factory.getbasetemp()
    sizes = {
        place.name: sum(
            os.lstat(os.path.join(parent, name)).st_blocks * 512
            for parent, _, names in os.walk(place)
            for name in names
        )
        for place in folder.iterdir()
        if not place.is_symlink()
    }
    largest = sorted(sizes, key=lambda name: -sizes[name])[:5]
    assert sum(sizes.values()) < _LEFT_AT_THE_END, {name: sizes[name] for name in largest}


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder of its own, for this process and for programs that take its environment.

    A cache folder as well, for whoever has no other.
    """
    home = tmp_path_factory.mktemp("state-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", os.fspath(tmp_path_factory.mktemp("cache-home")))
        patch.setenv("XDG_STATE_HOME", os.fspath(home))
        yield home


@pytest.fixture(scope="session")
def environment(state_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of the program: no settings of its own, and compiled modules kept."""
    assert os.environ["XDG_STATE_HOME"] == os.fspath(state_home)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DESYNC")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    compiled = os.fspath(tmp_path_factory.mktemp("compiled"))
    return kept | {"PYTHONPATH": os.fspath(REPOSITORY), "PYTHONPYCACHEPREFIX": compiled}


@pytest.fixture(scope="session", autouse=True)
def _no_proxies() -> Iterator[None]:
    """Servers of tests are on this machine, and no proxy is asked for them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty directory to run jobs in; the same one that `desync_run` uses."""
    return Workspace(tmp_path)


@pytest.fixture(scope="session")
def forked(environment: Mapping[str, str]) -> Iterator[Forked]:
    """Run the program without starting an interpreter each time."""
    with forking(environment) as run:
        yield run


@pytest.fixture
def desync_run(tmp_path: Path, environment: Mapping[str, str], forked: Forked) -> Run:
    """Run the program in an empty directory; returns its exit code and what it wrote.

    `given` is its standard input; further keywords are environment variables.
    """

    def run(
        *arguments: str, given: bytes = b"", **variables: str
    ) -> subprocess.CompletedProcess[bytes]:
        if not has_to_start(variables):
            return forked(arguments, os.fspath(tmp_path), {**environment, **variables}, given)
        return subprocess.run(
            command_line(arguments),
            input=given,
            capture_output=True,
            cwd=tmp_path,
            env={**environment, **variables},
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def start(tmp_path: Path, environment: Mapping[str, str]) -> Start:
    """Start the program in an empty directory, with pipes, and let it run.

    Keywords are environment variables.
    """

    def run(*arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command_line(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env={**environment, **variables},
        )

    return run


def command_line(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "desync_jobs", *arguments]
