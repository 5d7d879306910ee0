import pytest

from desync_jobs.manifest.locations import parse_location
from desync_jobs.manifest.stores import IndexStoreSpec
from desync_jobs.stores.index_options import options_for

DECLARED = {
    name: IndexStoreSpec(url=url)
    for name, url in {
        "host": "https://h",
        "dir": "https://h/a",
        "deep": "https://h/a/b/",
        "port": "https://h:8443/a/b/c",
        "http": "http://h/a/b/c",
        "bucket": "s3+https://s/bucket",
        "prefix": "s3+https://s/bucket/p",
        "path-style": "s3+https://s/bucket/p?lookup=path",
        "gs": "gs://bucket/p",
    }.items()
}


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("https://h/", "host"),
        ("https://h/ab/", "host"),
        ("https://h/a/", "dir"),
        ("https://h/a/bc/", "dir"),
        ("https://h/a/b/", "deep"),
        ("https://h/a/b/c/d/", "deep"),
        ("https://h:8443/a/b/c/", "port"),
        ("http://h/a/b/c/", "http"),
        ("s3+https://s/bucket/", "bucket"),
        ("s3+https://s/bucket/pq/", "bucket"),
        ("s3+https://s/bucket/p/q/", "prefix"),
        ("s3+https://s/bucket/p/?lookup=path", "path-style"),
        ("gs://bucket/p/", "gs"),
    ],
)
def test_the_place_nearest_above_an_index_says_how_it_is_asked(place: str, name: str) -> None:
    assert options_for(parse_location(place), DECLARED) == (name, DECLARED[name])


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("https://other/a/b/", "other"),
        ("https://h:444/a/", "h"),
        ("http://h/a/", "h"),
        ("gs://other/p/", "other"),
        ("gs://bucket/", "bucket"),
        ("memory://a/b/", "memory"),
    ],
)
def test_without_a_place_above_it_the_defaults_are_used_and_the_host_is_its_name(
    place: str, name: str
) -> None:
    assert options_for(parse_location(place), DECLARED) == (name, IndexStoreSpec(url=place))
