"""The recipes around job files: each parses, and every command in them is one of this program."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from desync_jobs.cli.group import command_line
from desync_jobs.cli.table import COMMANDS
from desync_jobs.manifest.load import load_job
from desync_jobs.testing.programs import require_program

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
RECIPES = sorted(path for path in EXAMPLES.glob("*/*") if path.is_file())
NAMES = [str(path.relative_to(EXAMPLES)) for path in RECIPES]
USE = re.compile(
    r"^(?:ExecStart\w*=|\s*- (?:run: )?|\s*run: |\s*)?(?:/usr/bin/)?desync-run .*$", re.MULTILINE
)
LISTED = re.compile(r"command: \[(desync-run, .*)\]")
GIVEN = {"release": "42", "running": "/dev/sda1"}
PROGRAM = Path(sys.executable).with_name("desync-run")


def _commands(text: str) -> list[list[str]]:
    """The words after the program's name, of every line that starts it."""
    lines = [line[line.index("desync-run") :] for line in USE.findall(text)]
    words = [shlex.split(line)[1:] for line in lines]
    return words + [
        [word.strip(' "') for word in found.split(",")][1:] for found in LISTED.findall(text)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_of_a_recipe_is_accepted(name: str) -> None:
    text = (EXAMPLES / name).read_text()
    for first, *words in _commands(text):
        assert first in COMMANDS
        command = command_line.get_command(None, first)  # type: ignore[arg-type]
        assert command is not None
        with command.make_context(first, words) as context:
            assert context.params


def test_the_recipes_use_this_program() -> None:
    uses = {name: len(_commands((EXAMPLES / name).read_text())) for name in NAMES}

    assert {name: count for name, count in uses.items() if count} == {
        "github/publish.yml": 3,
        "gitlab/.gitlab-ci.yml": 3,
        "kubernetes/cronjob.yaml": 1,
        "rauc/install.sh": 1,
        "sysupdate/fetch.conf": 1,
        "systemd/desync-run-chunk-server.service": 1,
        "systemd/desync-run-mount.service": 1,
        "systemd/desync-run@.service": 1,
    }


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".toml")])
def test_a_job_of_a_recipe_loads(name: str) -> None:
    text = (EXAMPLES / name).read_text()
    given = {key: value for key, value in GIVEN.items() if f"[variables.{key}]" in text}

    assert load_job(EXAMPLES / name, given).spec.operations


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_begins_with_what_it_is_for_and_is_narrow(name: str) -> None:
    lines = (EXAMPLES / name).read_text().splitlines()

    assert lines[0].startswith("#")
    assert max(len(line) for line in lines if not line.startswith("Exec")) <= 100


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith((".yml", ".yaml"))])
def test_a_recipe_in_yaml_parses(name: str) -> None:
    assert isinstance(yaml.safe_load((EXAMPLES / name).read_text()), dict)


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    verify = require_program("systemd-analyze")
    units = []
    for unit in (EXAMPLES / "systemd").iterdir():
        place = tmp_path / unit.name.replace("@", "@nightly")
        # Only the program's own place differs here.
        place.write_text(unit.read_text().replace("/usr/bin/desync-run", str(PROGRAM)))
        units.append(str(place))

    ended = subprocess.run(
        [verify, "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )

    ours = [line for line in ended.stderr.splitlines() if "desync-run" in line]
    assert ours == []
    assert ended.returncode == 0


def test_what_a_job_leaves_under_systemd_can_be_read_by_others_and_it_gives_up_in_the_end() -> None:
    unit = (EXAMPLES / "systemd" / "desync-run@.service").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in unit if "=" in line and line[0] != "#")

    # The directories of a dynamic user are below /var/lib/private, which is root's alone.
    assert "DynamicUser" not in settings
    assert settings["User"] == "desync-run"
    metrics = settings["ExecStart"].split("--metrics ")[1]
    assert metrics.startswith("/var/lib/desync-run/metrics/")
    assert "desync-run/metrics" in settings["StateDirectory"].split()
    assert {"StartLimitIntervalSec", "StartLimitBurst"} <= settings.keys()


def test_the_job_in_kubernetes_gives_up_on_what_another_attempt_would_not_change() -> None:
    cron = yaml.safe_load((EXAMPLES / "kubernetes" / "cronjob.yaml").read_text())
    job = cron["spec"]["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]

    assert job["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] == [6, 8, 64]
    assert pod["restartPolicy"] == "Never"  # podFailurePolicy asks for it
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


@pytest.mark.parametrize("shell", [path for path in RECIPES if path.suffix == ".sh"], ids=str)
def test_a_script_is_one_that_a_shell_can_read(shell: Path) -> None:
    subprocess.run(["sh", "-n", str(shell)], check=True)
    assert shell.stat().st_mode & 0o100


def _repository_with_jobs(tmp_path: Path) -> list[str]:
    """Make a repository whose hook is ours, started from here instead of an installation."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    words = shlex.split(hook["entry"])
    local = {**hook, "language": "system", "entry": shlex.join([str(PROGRAM), *words[1:]])}
    config = {"repos": [{"repo": "local", "hooks": [local]}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    shutil.copy(EXAMPLES / "update.toml", jobs)
    shutil.copy(EXAMPLES / "prune.toml", jobs)
    (tmp_path / "other.toml").write_text("this = 'is no job'\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    return [sys.executable, "-m", "pre_commit", "run", "--all-files"]


def test_the_hook_validates_the_jobs_of_a_repository_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / ".git" / "kept"))
    monkeypatch.delenv("GIT_DIR", raising=False)
    monkeypatch.setenv("DESYNC_VAR_RELEASE", "42")
    command = _repository_with_jobs(tmp_path)

    passed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    (tmp_path / "jobs" / "prune.toml").write_text("version = 1\nnme = 'x'\n")
    failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert passed.returncode == 0, passed.stdout
    assert "Passed" in passed.stdout
    assert failed.returncode == 1
    assert "jobs/prune.toml: nme: " in failed.stdout
    assert "update.toml: valid" in failed.stdout


def test_the_hook_is_one_that_pre_commit_knows() -> None:
    hooks = ROOT / ".pre-commit-hooks.yaml"
    subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-manifest", str(hooks)], check=True
    )
    config = yaml.safe_load((EXAMPLES / "pre-commit" / ".pre-commit-config.yaml").read_text())

    (declared,) = yaml.safe_load(hooks.read_text())
    assert [hook["id"] for hook in config["repos"][0]["hooks"]] == [declared["id"]]
