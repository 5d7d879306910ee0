import json
import sys

import pytest

from desync_jobs.cli.output import write_json, write_json_aside, write_line
from desync_jobs.errors import TargetError


def test_a_name_that_is_not_utf8_keeps_its_bytes_in_text(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    write_line("caf\udce9.caibx")

    assert capfdbinary.readouterr().out == b"caf\xe9.caibx\n"


def test_a_name_that_is_not_utf8_is_escaped_in_json(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    write_json({"path": "caf\udce9 é"})
    written = capfdbinary.readouterr().out

    assert written == b'{\n  "path": "caf\\udce9 \xc3\xa9"\n}\n'
    assert json.loads(written) == {"path": "caf\udce9 é"}


def test_json_aside_goes_to_standard_error(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_json_aside(["a"])
    written = capfdbinary.readouterr()

    assert written.out == b""
    assert written.err == b'[\n  "a"\n]\n'


def test_a_closed_standard_output_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)

    with pytest.raises(TargetError, match="standard output is closed; open it or send it to"):
        write_line("text")
