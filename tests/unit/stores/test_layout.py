import re

import pytest

from desync_jobs.codecs.form import Form
from desync_jobs.stores.layout import chunk_path, is_prefix, parse_name, temporary_path

ID = bytes.fromhex("1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2")
HEX = ID.hex()


@pytest.mark.parametrize(
    ("form", "suffix"),
    [(Form.ZSTD, ".cacnk"), (Form.XZ, ".cacnk"), (Form.GZIP, ".cacnk"), (Form.PLAIN, "")],
)
def test_a_chunk_is_in_the_directory_of_its_first_digits(form: Form, suffix: str) -> None:
    assert chunk_path("/store", ID, form) == f"/store/1c81/{HEX}{suffix}"


@pytest.mark.parametrize("suffix", ["", ".cacnk"])
def test_temporary_files_are_named_as_casync_names_them(suffix: str) -> None:
    names = {temporary_path(f"/store/1c81/{HEX}{suffix}") for _ in range(100)}

    assert len(names) == 100
    assert all(re.fullmatch(rf"/store/1c81/{HEX}\.[0-9a-f]{{1,16}}\.tmp", name) for name in names)


def test_names_of_chunks_are_recognised() -> None:
    assert parse_name("1c81", HEX) == (ID, Form.PLAIN)
    assert parse_name("1c81", f"{HEX}.cacnk") == (ID, Form.ZSTD)


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("1c81", f"{HEX}.1234.tmp"),
        ("1c81", f"{HEX}.xz"),
        ("1c81", f"{HEX}.cacnk\n"),
        ("1c81", f"{HEX}.cacnk.aes-256-gcm-635af003"),
        ("1c81", HEX.upper()),
        ("1c81", HEX[:-1]),
        ("1c81", f"{HEX}0"),
        ("1c81", ".tmp-cacnk123"),
        ("0000", HEX),
    ],
)
def test_foreign_names_are_not_chunks(directory: str, name: str) -> None:
    assert parse_name(directory, name) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1c81", True),
        ("0000", True),
        ("1C81", False),
        ("1c8", False),
        ("1c811", False),
        ("", False),
    ],
)
def test_prefix_directories_have_four_digits(name: str, expected: bool) -> None:
    assert is_prefix(name) is expected
