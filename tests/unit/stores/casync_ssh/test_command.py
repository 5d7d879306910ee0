import subprocess

import pytest

from desync_jobs.stores.casync_ssh.command import SshPlace, pull_command


def test_the_command_is_the_one_desync_starts() -> None:
    assert pull_command(SshPlace("host", "/srv/store", "me"), {}) == [
        "ssh",
        "--",
        "me@host",
        "casync pull - - - '/srv/store'",
    ]


def test_programs_of_the_environment_and_a_port_are_used() -> None:
    environment = {"CASYNC_SSH_PATH": "/opt/ssh", "CASYNC_REMOTE_PATH": "nice casync"}

    assert pull_command(SshPlace("host", "/s", port=2222), environment) == [
        "/opt/ssh",
        "-p",
        "2222",
        "--",
        "host",
        "nice casync pull - - - '/s'",
    ]


@pytest.mark.parametrize("path", ["/a b", "/it's", "/$(touch x)", "/a;b", "/ü\\n", "/`x`", "/a\nb"])
def test_any_path_reaches_the_other_side_as_it_is(path: str) -> None:
    command = pull_command(SshPlace("host", path), {"CASYNC_REMOTE_PATH": "printf %s"})

    ended = subprocess.run(["sh", "-c", command[-1]], capture_output=True, check=True)

    assert ended.stdout.decode() == f"pull---{path}"


@pytest.mark.parametrize(
    "place", [SshPlace("-oProxyCommand=x", "/s"), SshPlace("host", "/s", "-l")]
)
def test_a_host_that_looks_like_an_option_is_refused(place: SshPlace) -> None:
    with pytest.raises(ValueError, match="not a host"):
        pull_command(place, {})
