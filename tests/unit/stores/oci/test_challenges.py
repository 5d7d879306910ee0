import pytest

from desync_jobs.stores.oci.challenges import Challenge, parse_challenges
from desync_jobs.stores.oci.links import next_page


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ("", []),
        ("Basic", [Challenge("basic")]),
        ('Basic realm="a, b"', [Challenge("basic", {"realm": "a, b"})]),
        (
            'Bearer realm="https://a/token",service="r",scope="repository:a:pull,push"',
            [
                Challenge(
                    "bearer",
                    {
                        "realm": "https://a/token",
                        "service": "r",
                        "scope": "repository:a:pull,push",
                    },
                )
            ],
        ),
        (
            'Negotiate, BASIC Realm = "x\\"y" , Bearer service=r',
            [
                Challenge("negotiate"),
                Challenge("basic", {"realm": 'x"y'}),
                Challenge("bearer", {"service": "r"}),
            ],
        ),
        ('realm="x"', []),
        ('Bearer realm="never ends', [Challenge("bearer", {"realm": ""})]),
        ("\x00\x01", []),
    ],
)
def test_challenges_are_understood(header: str, challenges: list[Challenge]) -> None:
    assert parse_challenges(header) == challenges


def test_scopes_are_separated_by_spaces() -> None:
    (challenge,) = parse_challenges('Bearer scope="repository:a:pull  repository:b:pull,push"')

    assert challenge.scopes == {"repository:a:pull", "repository:b:pull,push"}


@pytest.mark.parametrize("character", ['"', ",", " ", "a", "=", "a=", "\\", 'a="', "<", ";"])
def test_long_nonsense_takes_no_time(character: str) -> None:
    parse_challenges("Bearer " + character * 1_000_000)

    assert next_page(character * 1_000_000) is None


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("", None),
        ('</v2/a/tags/list?n=2&last=b>; rel="next"', "/v2/a/tags/list?n=2&last=b"),
        ("<https://a/x,y>;rel=next", "https://a/x,y"),
        ('<a>; rel="prev", <b>; title="x"; REL="next"', "b"),
        ('<a>; rel="nextish"', None),
        ("garbage; rel=next", None),
    ],
)
def test_the_next_page_is_where_the_link_says(header: str, address: str | None) -> None:
    assert next_page(header) == address
