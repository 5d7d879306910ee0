import pytest

from tests.servers.certificates import Authority


@pytest.fixture(autouse=True)
def _no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is logged in, whoever runs the tests."""
    for name in ("DESYNC_OCI_USERNAME", "DESYNC_OCI_PASSWORD", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", "/nowhere")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "files")
