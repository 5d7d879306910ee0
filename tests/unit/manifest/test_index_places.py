import pytest

from desync_jobs.manifest.index_places import below
from desync_jobs.manifest.locations import resolved


@pytest.mark.parametrize(
    ("place", "name", "expected"),
    [
        ("/srv/indexes/", "100%25 a?.caibx", "/srv/indexes/100%25 a?.caibx"),
        ("file:///srv/my%20indexes", "100%25 a?.caibx", "/srv/my indexes/100%25 a?.caibx"),
        ("file:///", "a.caibx", "/a.caibx"),
    ],
)
def test_an_index_below_a_directory_is_called_as_it_was_named(
    place: str, name: str, expected: str
) -> None:
    assert resolved("/jobs", below(place, name)) == expected


def test_a_name_below_a_url_is_quoted_and_the_query_stays_at_the_end() -> None:
    assert (
        below("s3+https://host/bucket/dir/?lookup=path", "a b%.caibx")
        == "s3+https://host/bucket/dir/a%20b%25.caibx?lookup=path"
    )
