"""Manual pages and completion: committed, fresh, and what groff can set without a warning."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from desync_jobs.cli.group import command_line
from desync_jobs.cli.main import main
from desync_jobs.cli.manual import manual_pages
from desync_jobs.cli.table import COMMANDS
from desync_jobs.testing.programs import require_program

ROOT = Path(__file__).parent.parent
MAN = ROOT / "man"
COMPLETIONS = {"bash": "desync-run.bash", "zsh": "_desync-run", "fish": "desync-run.fish"}


def test_the_committed_pages_are_fresh() -> None:
    committed = {path.name: path.read_text() for path in MAN.iterdir()}

    assert committed == dict(manual_pages()), "the commands have changed; mend with: just man"
    assert set(committed) == {"desync-run.1", *(f"desync-run-{name}.1" for name in COMMANDS)}


@pytest.mark.parametrize("shell", COMPLETIONS)
def test_the_committed_completion_is_fresh(shell: str) -> None:
    printed = CliRunner().invoke(command_line, ["completion", shell]).output

    assert (ROOT / "completions" / COMPLETIONS[shell]).read_text() == printed, "just man"


def test_the_command_writes_what_is_committed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["manpage", str(tmp_path / "new" / "man1")])

    assert code == 0
    assert capfd.readouterr().out == f"{tmp_path}/new/man1: {len(COMMANDS) + 1} pages\n"
    for page in MAN.iterdir():
        assert (tmp_path / "new" / "man1" / page.name).read_text() == page.read_text()


def test_what_stands_above_and_below_pages_can_be_said_as_for_desync(tmp_path: Path) -> None:
    said = ["--title", "desync", "--section=3", "--source", 'a "b"', "--manual=All - of it"]

    assert main(["manpage", *said, str(tmp_path)]) == 0
    assert {page.name for page in tmp_path.iterdir()} == {
        "desync-run.3",
        *(f"desync-run-{name}.3" for name in COMMANDS),
    }
    page = (tmp_path / "desync-run-make.3").read_text()
    assert page.startswith(
        '.TH "desync" 3 "" "a (dqb(dq" "All \\- of it"\n'.replace("(dq", "\\(dq")
    )
    assert page.endswith('.SH SEE ALSO\n.BR "desync\\-run" (3)\n')


@pytest.mark.parametrize("said", ["--section=1/2", "--section=", "--title=a\nb"])
def test_a_heading_that_would_break_pages_is_refused(tmp_path: Path, said: str) -> None:
    assert main(["manpage", said, str(tmp_path)]) == 64
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_one_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")

    assert main(["manpage", str(tmp_path / "file" / "man1")]) == 1
    assert capfd.readouterr().err == (
        f"desync-run: {tmp_path}/file/man1: cannot be written: Not a directory\n"
    )


def test_groff_sets_every_page_without_a_warning() -> None:
    groff = require_program("groff")
    pages = sorted(str(path) for path in MAN.iterdir())

    ended = subprocess.run(
        [groff, "-man", "-ww", "-z", "-Kutf8", "-Tutf8", "-rLL=100n", *pages],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stderr == ""


def test_a_page_shows_options_and_examples_as_they_are_typed() -> None:
    groff = require_program("groff")
    ended = subprocess.run(
        [groff, "-man", "-Tascii", "-P-cbou", "-rLL=100n", str(MAN / "desync-run-make.1")],
        capture_output=True,
        text=True,
        check=True,
    )

    lines = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    assert "desync-run-make - cut a blob into chunks; write its index and store them" in lines
    assert "-m, --chunk-size MIN:AVG:MAX" in lines
    assert "desync-run make disk.img.caibx disk.img -s /srv/store" in lines
    assert "zcat disk.img.gz | desync-run make disk.img.caibx - -s /srv/store" in lines
    assert any("BLOB may be a file, a block device, or '-' for standard input" in s for s in lines)
