import re

import pytest

from desync_jobs.codecs.form import Form
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.layout import (
    chunk_name,
    is_prefix,
    parse_chunk_name,
    suffix_of,
    temporary_path,
)

ID = bytes.fromhex("1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2")
HEX = ID.hex()


SEALED = ".cacnk.aes-256-gcm-635af003"


@pytest.mark.parametrize(
    ("form", "suffix"),
    [(Form.ZSTD, ".cacnk"), (Form.XZ, ".cacnk"), (Form.GZIP, ".cacnk"), (Form.PLAIN, "")],
)
def test_a_chunk_is_in_the_directory_of_its_first_digits(form: Form, suffix: str) -> None:
    assert suffix_of(form) == suffix
    assert chunk_name(ID, suffix) == f"1c81/{HEX}{suffix}"


@pytest.mark.parametrize("suffix", ["", ".cacnk", SEALED])
def test_temporary_files_are_named_as_casync_names_them(suffix: str) -> None:
    names = {temporary_path(f"/store/1c81/{HEX}{suffix}") for _ in range(100)}

    assert len(names) == 100
    assert all(re.fullmatch(rf"/store/1c81/{HEX}\.[0-9a-f]{{1,16}}\.tmp", name) for name in names)


@pytest.mark.parametrize("suffix", ["", ".cacnk", SEALED, ".xz", ".1234.tmp"])
def test_names_are_taken_apart(suffix: str) -> None:
    assert parse_chunk_name(f"1c81/{HEX}{suffix}") == (ID, suffix)


@pytest.mark.parametrize(
    "name",
    [
        f"1c81/{HEX.upper()}",
        f"1c81/{HEX[:-1]}",
        f"1c81/{HEX}/x",
        "1c81/.tmp-cacnk123",
        f"0000/{HEX}",
        f"x/1c81/{HEX}",
        HEX,
    ],
)
def test_foreign_names_are_not_chunks(name: str) -> None:
    assert parse_chunk_name(name) is None


@pytest.mark.parametrize("suffix", [".xz", ".cacnk\n", SEALED, ".1234.tmp", "0"])
def test_a_store_knows_its_own_suffixes_only(suffix: str) -> None:
    assert ChunkForms().parse(f"1c81/{HEX}{suffix}") is None
    assert ChunkForms().parse(f"1c81/{HEX}.cacnk") == (ID, ChunkForms().own)


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
