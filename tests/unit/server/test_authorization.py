import hmac

import pytest

from desync_jobs.server.authorization import Authorization


def test_without_a_header_of_its_own_a_server_admits_everybody() -> None:
    open_to_all = Authorization(None)

    assert not open_to_all.needed
    assert open_to_all.admits({})
    assert open_to_all.admits({"Authorization": "anything"})


@pytest.mark.parametrize("given", ["", "Bearer sesam", "Bearer sesame ", "bearer sesame", "\udcff"])
def test_only_the_very_header_is_admitted(given: str) -> None:
    guarded = Authorization("Bearer sesame")

    assert guarded.needed
    assert guarded.admits({"Authorization": "Bearer sesame"})
    assert not guarded.admits({"Authorization": given})
    assert not guarded.admits({})


def test_an_empty_header_admits_nobody_who_sends_another() -> None:
    assert not Authorization("").admits({"Authorization": "x"})


def test_what_is_compared_takes_the_same_time_whatever_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """desync compared byte by byte once (its pull request 328)."""
    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr("hmac.compare_digest", compare)
    guarded = Authorization("Bearer sesame")
    for given in ("B", "Bearer sesame", "x" * 10_000):
        guarded.admits({"Authorization": given})

    assert {(len(one), len(other)) for one, other in compared} == {(32, 32)}
    assert len(compared) == 3


def test_the_secret_is_not_shown() -> None:
    assert "sesame" not in repr(Authorization("Bearer sesame"))
    assert "sesame" not in str(vars(Authorization("Bearer sesame")))
