import stat

import pytest

from desync_jobs.archive.acl import ACCESS, Lists, acl_of, lists_of
from desync_jobs.archive.numbers import Numbers
from desync_jobs.archive.wanted import Choice, Demands
from desync_jobs.errors import TargetError
from desync_jobs.formats.catar.features import FEATURES
from desync_jobs.formats.catar.node import Acl, Node
from desync_jobs.formats.catar.records import AclGroupObj, AclUser, Group, Payload, User
from desync_jobs.formats.flags import FeatureFlags
from tests.archives import EVERYTHING, entry, regular
from tests.trees import acl

F = FeatureFlags
NOBODY = 0xFFFFFFFF


def node(mode: int = 0o640, **about: object) -> Node:
    return Node(b"x", regular(mode, mtime_ns=1_999_999_999), body=Payload(0), **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("choice", "kept", "left_out"),
    [
        (Choice(), F.ACL | F.TIME_NANOSECONDS | F.USER_NAMES, F.PERMISSIONS),
        (Choice(without_features=("acl",)), F.PERMISSIONS, F.ACL | F.READ_ONLY),
        (Choice(without_features=("acl", "permissions")), F.READ_ONLY, F.PERMISSIONS),
        (Choice(without_features=("nsec-time",)), F.ACL, F.TIME_MICROSECONDS | F.TIME_SECONDS),
        (Choice(("2sec-time",)), F.TIME_TWO_SECONDS, F.TIME_NANOSECONDS | F.ACL),
        (Choice(("unix",)), F.USER_IDS_16BIT | F.TIME_SECONDS | F.PERMISSIONS, F.ACL),
        (Choice(same_owner=False), F.ACL, F.USER_IDS_32BIT | F.USER_NAMES),
        (Choice(same_permissions=False), F.USER_IDS_32BIT, F.ACL | F.PERMISSIONS | F.READ_ONLY),
        (Choice(without_features=("subvolume",)), F.ACL, F.SUBVOLUME | F.SUBVOLUME_READ_ONLY),
    ],
)
def test_what_is_chosen_of_an_archive_is_kept_and_nothing_else(
    choice: Choice, kept: FeatureFlags, left_out: FeatureFlags
) -> None:
    found = choice.of(EVERYTHING)

    assert found & kept == kept
    assert not found & left_out


def test_whoever_wants_more_than_an_archive_has_gets_what_it_has() -> None:
    assert Choice(("best",)).of(int(FEATURES["unix"])) & FEATURES["all"] == FEATURES["unix"]


def test_times_are_rounded_to_what_is_chosen() -> None:
    def time(*words: str) -> int | None:
        return Demands(Choice(words).of(EVERYTHING)).of(node()).mtime_ns

    assert [time(), time("sec-time"), time("2sec-time"), time("xattrs")] == [
        *(1_999_999_999, 1_000_000_000, 0, None),
    ]


def test_names_win_over_numbers_and_have_to_be_known() -> None:
    named = node(user=User(b"daemon"), group=Group(b"nobody-at-all"))
    by_numbers = Demands(Choice(without_features=("user-names",)).of(EVERYTHING))
    by_names = Demands(Choice().of(EVERYTHING))

    assert by_numbers.of(named).owner == (0, 0)
    assert by_names.of(node(user=User(b"daemon"))).owner == (1, 0)
    with pytest.raises(TargetError, match=r"^the group 'nobody-at-all' of the archive is not"):
        by_names.of(named)


def test_a_list_goes_into_an_attribute_and_comes_back() -> None:
    records = Acl((AclUser(0, 4), AclUser(4242, 6)), (), AclGroupObj(5))
    value = acl(
        *((1, 6, NOBODY), (2, 4, 0), (2, 6, 4242), (4, 5, NOBODY), (16, 7, NOBODY)),
        (32, 4, NOBODY),
    )

    assert lists_of(records, 0o674, Numbers()) == Lists(access=value)
    assert acl_of(Lists(access=value), None) == records


def test_a_group_never_gets_more_than_a_list_that_is_left_out_gave_it() -> None:
    guarded = node(0o670, acl=Acl((AclUser(7, 7),), (), AclGroupObj(4)))
    without = Demands(Choice(without_features=("acl",)).of(EVERYTHING)).of(guarded)
    with_it = Demands(Choice().of(EVERYTHING)).of(guarded)

    assert (without.mode, without.attributes) == (0o640, {})
    assert (with_it.mode, set(with_it.attributes)) == (0o670, {ACCESS})


def test_kinds_that_are_not_chosen_are_left_out() -> None:
    demands = Demands(Choice(without_features=("fifos",)).of(EVERYTHING))

    assert demands.leaves_out(Node(b"x", entry(stat.S_IFIFO | 0o644)))
    assert not demands.leaves_out(Node(b"x", entry(stat.S_IFSOCK | 0o644)))
