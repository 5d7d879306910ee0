from typing import Any

import pytest

from desync_jobs.errors import UsageError
from desync_jobs.manifest.capability import Capability
from desync_jobs.manifest.load import job_from_document
from desync_jobs.planner.abilities import need_abilities, places_of

OPERATIONS: dict[str, dict[str, Any]] = {
    "make": {"kind": "make", "blob": "b", "index": "i", "store": "s"},
    "extract": {"kind": "extract", "index": "i", "target": "t", "stores": ["s"], "cache": "c"},
    "limited": {"kind": "extract", "index": "i", "target": "t", "stores": ["s"], "cache": "small"},
    "group": {"kind": "cat", "index": "i", "stores": ["g"]},
    "cache": {"kind": "cache", "indexes": ["i"], "stores": ["s"], "cache": "c"},
    "chop": {"kind": "chop", "index": "i", "blob": "b", "store": "s"},
    "verify": {"kind": "verify", "store": "s"},
    "repair": {"kind": "verify", "store": "s", "repair": True},
    "info": {"kind": "info", "index": "i", "stores": ["s"], "cache": "c"},
    "inspect": {"kind": "inspect-chunks", "index": "i", "store": "s"},
    "digest": {"kind": "digest", "blob": "b"},
}
JOBS = {
    name: job_from_document(
        {
            "version": 1,
            "stores": {"s": {"url": "https://h/"}},
            "caches": {"c": {"url": "ssh://h/d"}, "small": {"url": "c", "max_size": "1 GiB"}},
            "failover_groups": {"g": {"members": ["s"]}},
            "operations": {name: fields},
        },
        "/",
        "job.toml",
    ).spec
    for name, fields in OPERATIONS.items()
}
READ, WRITE, PRESENCE = Capability.READ, Capability.WRITE, Capability.PRESENCE
LIST, DELETE = Capability.LIST, Capability.DELETE


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("make", {"s": {WRITE, PRESENCE}}),
        ("extract", {"s": {READ}, "c": {READ, WRITE}}),
        ("limited", {"s": {READ}, "small": {READ, WRITE, LIST, DELETE}}),
        ("group", {"g": {READ}}),
        ("cache", {"s": {READ}, "c": {WRITE, PRESENCE}}),
        ("chop", {"s": {WRITE, PRESENCE}}),
        ("verify", {"s": {READ, LIST}}),
        ("repair", {"s": {READ, LIST, DELETE}}),
        ("info", {"s": {PRESENCE}, "c": {PRESENCE}}),
        ("inspect", {"s": {PRESENCE}}),
        ("digest", {}),
    ],
)
def test_an_operation_needs_just_what_it_does(
    name: str, needed: dict[str, set[Capability]]
) -> None:
    job = JOBS[name]
    operation = job.operations[name]
    assert set(places_of(operation)) == needed.keys()

    need_abilities(job, operation, {place: frozenset(some) for place, some in needed.items()})

    for place, some in needed.items():
        for one in some:
            able = {other: frozenset(Capability) for other in needed}
            able[place] -= {one}
            with pytest.raises(UsageError, match=f"store {place}: "):
                need_abilities(job, operation, able)


@pytest.mark.parametrize(
    ("name", "place", "lacking", "message"),
    [
        ("verify", "s", LIST, "store s: an HTTP place cannot be listed, which verify needs"),
        ("repair", "s", DELETE, "store s: an HTTP place cannot be deleted from, which verify"),
        ("make", "s", WRITE, "store s: an HTTP place cannot be written to, which make needs"),
        ("cache", "c", WRITE, "store c: a casync server over SSH cannot be written to, which c"),
        ("info", "c", PRESENCE, "store c: a casync server over SSH cannot be asked what it has"),
        ("group", "g", READ, "store g: a failover group cannot be read from, which cat needs"),
    ],
)
def test_a_refusal_says_which_place_cannot_do_what(
    name: str, place: str, lacking: Capability, message: str
) -> None:
    operation = JOBS[name].operations[name]
    able = {other: frozenset(Capability) for other in places_of(operation)}
    able[place] -= {lacking}

    with pytest.raises(UsageError) as caught:
        need_abilities(JOBS[name], operation, able)

    assert str(caught.value).startswith(message)
