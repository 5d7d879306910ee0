from pathlib import Path

import pytest

from desync_jobs.errors import ManifestError
from desync_jobs.manifest.read import MANIFEST_LIMIT, parse_document, read_document


def _refusal(text: str, source: str = "job.toml") -> str:
    with pytest.raises(ManifestError) as caught:
        parse_document(text, source)
    assert caught.value.exit_code == 64
    return str(caught.value)


def _refusal_of(path: Path) -> str:
    with pytest.raises(ManifestError) as caught:
        read_document(str(path))
    assert caught.value.exit_code == 64
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "version = 1\nname = \n",
            "job.toml: line 2, column 8: invalid value",
        ),
        (
            "version = 1\n[stores.a\nurl = 'x'\n",
            "job.toml: line 2, column 10: expected ']' at the end of a table declaration",
        ),
        (
            "version = 1\nversion = 2\n",
            "job.toml: line 2, column 12: cannot overwrite a value",
        ),
    ],
)
def test_a_toml_mistake_has_a_line_and_a_column(text: str, message: str) -> None:
    assert _refusal(text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{\n  "version": 1,\n}',
            "job.json: line 3, column 1: expecting property name enclosed in double quotes",
        ),
        ("", "job.json: line 1, column 1: expecting value"),
        ('{"version": NaN}', "job.json: the value NaN is not JSON"),
        (
            '{"version": 1, "stores": {"a": 1, "a": 2}}',
            "job.json: the key 'a' stands twice in one object",
        ),
        ('{"name": "\\ud800"}', "job.json: contains half of a surrogate pair"),
        (
            "[1]",
            "job.json: should be an object with the key 'version', not a list or a value",
        ),
    ],
)
def test_a_json_mistake_is_told_with_its_place_where_there_is_one(text: str, message: str) -> None:
    assert _refusal(text, "job.json") == message


def test_json_is_known_by_its_name_or_its_first_character() -> None:
    expected = {"version": 1}

    assert parse_document('{"version": 1}', "job.json") == expected
    assert parse_document('\n {"version": 1}', "/dev/stdin") == expected
    assert parse_document("version = 1", "/dev/stdin") == expected


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("a = " + "[" * 100_000, "job.toml"),
        ("a" + ".a" * 100_000 + " = 1", "job.toml"),
        ("a = " + "{ a = " * 100_000, "job.toml"),
        ('{"a": ' + "[" * 100_000, "job.json"),
        ('{"a":' * 100_000, "job.json"),
    ],
)
def test_endless_nesting_is_a_problem_and_no_defect(text: str, source: str) -> None:
    assert "nested too deeply for a manifest" in _refusal(text, source)


def test_a_number_of_five_thousand_digits_is_a_problem_and_no_defect() -> None:
    told = "has a whole number of thousands of digits"
    assert f"job.json: {told}" in _refusal('{"a": ' + "9" * 5000 + "}", "job.json")
    assert f"job.toml: {told}" in _refusal("a = " + "9" * 5000)


def test_a_file_is_read_as_utf_8_with_or_without_a_mark(tmp_path: Path) -> None:
    plain, marked = tmp_path / "a.toml", tmp_path / "b.toml"
    plain.write_bytes("name = 'ö'\r\n".encode())
    marked.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes())

    assert read_document(str(plain)) == {"name": "ö"}
    assert read_document(str(marked)) == {"name": "ö"}


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes(b"version = 1\nname = '\xff'\n")

    assert _refusal_of(path) == f"{path}: line 2: not UTF-8 text"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"

    assert _refusal_of(path) == f"{path}: no such file"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert _refusal_of(tmp_path) == f"{tmp_path}: is a directory; give the job file itself"


def test_a_file_that_fails_while_it_is_read_is_refused() -> None:
    path = Path("/proc/self/mem")

    assert _refusal_of(path) == f"{path}: cannot be read: input/output error"


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "job.toml"

    assert _refusal_of(path) == f"{path}: cannot be read: not a directory"


def test_a_name_that_no_file_can_have_is_refused() -> None:
    assert _refusal_of(Path("a\0b")) == "'a\\x00b': no file can have this name"


def test_a_file_over_the_limit_is_refused_without_reading_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes(b"#" * (MANIFEST_LIMIT + 1))

    assert _refusal_of(path) == f"{path}: larger than 4 MiB; this is not a job file"
    assert _refusal_of(Path("/dev/zero")) == "/dev/zero: larger than 4 MiB; this is not a job file"


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes(b"a = 1\n" + b"#" * (MANIFEST_LIMIT - 6))

    assert read_document(str(path)) == {"a": 1}
