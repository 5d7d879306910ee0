import pytest

from desync_jobs.archive.acl import Lists, acl_of
from desync_jobs.archive.names import Names
from desync_jobs.errors import SourceError
from desync_jobs.formats.catar.node import NO_ACL, Acl
from desync_jobs.formats.catar.records import (
    AclDefault,
    AclDefaultUser,
    AclGroup,
    AclGroupObj,
    AclUser,
)
from tests.trees import acl

NOBODY = 0xFFFFFFFF


def test_a_masked_list_keeps_who_is_named_and_what_the_group_has() -> None:
    value = acl(
        (1, 6, NOBODY), (2, 6, 4242), (2, 4, 0), (4, 5, NOBODY), (8, 1, 7), (16, 7, NOBODY),
        (32, 4, NOBODY),
    )  # fmt: skip

    assert acl_of(Lists(access=value), Names()) == Acl(
        (AclUser(0, 4), AclUser(4242, 6)), (AclGroup(7, 1, b"lp"),), AclGroupObj(5)
    )
    assert acl_of(Lists(access=value), None).groups == (AclGroup(7, 1),)


def test_a_list_without_a_mask_is_in_the_mode() -> None:
    value = acl((1, 6, NOBODY), (4, 5, NOBODY), (32, 4, NOBODY))

    assert acl_of(Lists(access=value), None) == NO_ACL


def test_a_list_for_new_files_has_a_mask_where_it_names_somebody() -> None:
    plain = acl((1, 7, NOBODY), (4, 5, NOBODY), (32, 1, NOBODY))
    named = acl((1, 7, NOBODY), (2, 3, 9), (4, 5, NOBODY), (16, 6, NOBODY), (32, 1, NOBODY))

    assert acl_of(Lists(default=plain), None) == Acl(default=AclDefault(7, 5, 1))
    assert acl_of(Lists(default=named), None) == Acl(
        default=AclDefault(7, 5, 1, 6), default_users=(AclDefaultUser(9, 3),)
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"\1\0\0\0", "not of the version"),
        (acl((1, 6, NOBODY))[:-1], "not of the version"),
        (acl((1, 6, NOBODY), (16, 7, NOBODY)), "does not have one GROUP_OBJ"),
    ],
)
def test_a_list_that_is_not_known_is_an_error(value: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        acl_of(Lists(access=value), None)
