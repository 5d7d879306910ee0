import sys
from pathlib import Path

import pytest

from desync_jobs.errors import UsageError
from desync_jobs.stores.extras import need


def test_a_library_that_is_there_is_imported() -> None:
    assert need("json.decoder", "x", "store s: x").__name__ == "json.decoder"


@pytest.mark.parametrize("module", ["no_such_library", "no_such_library.part"])
def test_a_missing_library_is_named_with_the_command_that_installs_it(module: str) -> None:
    with pytest.raises(UsageError) as caught:
        need(module, "s3", "store origin: s3+https")

    hint = "pip install 'desync-jobs[s3]'"
    assert str(caught.value) == f"store origin: s3+https needs no_such_library: {hint}"


def test_a_library_that_is_hidden_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycurl", None)

    with pytest.raises(UsageError, match=r"pip install 'desync-jobs\[http\]'"):
        need("pycurl", "http", "store origin: https")


def test_a_library_that_is_broken_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_library.py").write_text("import no_such_part_of_it\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(UsageError) as caught:
        need("broken_library", "x", "store s: x")

    assert str(caught.value) == (
        "store s: x needs broken_library, which cannot be imported: "
        "No module named 'no_such_part_of_it'"
    )
