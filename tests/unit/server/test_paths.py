import pytest

from desync_jobs.server.paths import PathError, chunk_of_path, index_of_path

ID = "1c81" + "0123456789abcdef" * 3 + "0123456789ab"
PATH = f"/1c81/{ID}"


def test_a_chunk_is_named_by_its_digits_in_either_case_and_whatever_query() -> None:
    assert chunk_of_path(f"{PATH}.cacnk", ".cacnk") == bytes.fromhex(ID)
    assert chunk_of_path(f"{PATH.upper()}.cacnk", ".cacnk") == bytes.fromhex(ID)
    assert chunk_of_path(f"{PATH}.cacnk?x=1", ".cacnk") == bytes.fromhex(ID)
    assert chunk_of_path(PATH, "") == bytes.fromhex(ID)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "*",
        f"/1c82/{ID}.cacnk",
        f"/1c81/{ID[:-1]}.cacnk",
        f"/1c81/{ID}0.cacnk",
        f"//1c81/{ID}.cacnk",
        f"/store/1c81/{ID}.cacnk",
        f"/1c81/{ID}.cacnk/",
        f"/1c81/{ID}.cacnk%00",
        f"/1c81/../1c81/{ID}.cacnk",
        f"/1c81/{ID}.cacnk\n",
        f"/1c81/{ID[:-1]}\N{ARABIC-INDIC DIGIT ONE}.cacnk",
    ],
)
def test_anything_else_names_no_chunk(path: str) -> None:
    with pytest.raises(PathError, match="the path should be /<first 4 digits of ID>/<ID>"):
        chunk_of_path(path, ".cacnk")


@pytest.mark.parametrize(
    ("given", "own"),
    [("", ".cacnk"), (".cacnk", ""), (".cacnk", ".cacnk.aes-256-gcm-630dcd29"), (".xz", ".cacnk")],
)
def test_another_form_is_refused_with_both_named(given: str, own: str) -> None:
    with pytest.raises(PathError) as caught:
        chunk_of_path(PATH + given, own)

    assert repr(given or "no suffix") in str(caught.value)
    assert repr(own or "no suffix") in str(caught.value)
    assert "check the compression and encryption settings of both" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a.caibx", "a.caibx"),
        ("/any/prefix/a.caibx?query", "a.caibx"),
        ("/a%20b%C3%BC.caibx", "a bü.caibx"),
        ("/a%2520.caibx", "a%20.caibx"),
        ("/" + "n" * 255, "n" * 255),
    ],
)
def test_of_the_path_of_an_index_the_last_part_counts(path: str, name: str) -> None:
    assert index_of_path(path) == name


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/a/",
        "/.",
        "/..",
        "/%2e%2e",
        "/..%2fpasswd",
        "/..%5cpasswd",
        "/a\\b",
        "/a%2fb",
        "/a%00b",
        "/a%0ab",
        "/.hidden.caibx",
        "/%ff",
        "/" + "n" * 256,
        "/" + "%C3%BC" * 128,
    ],
)
def test_no_name_reaches_out_or_stands_for_an_unfinished_file(path: str) -> None:
    """desync once took back-slashes as part of a name (its pull request 337)."""
    with pytest.raises(PathError, match="invalid index name"):
        index_of_path(path)
