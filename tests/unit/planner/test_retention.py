from typing import Any

import pytest

from desync_jobs.errors import UsageError
from desync_jobs.manifest.roots import RootSpec
from desync_jobs.planner.retention import FoundIndex, is_root, retained

DAY = 86_400.0
NOW = 1_795_953_600.0  # noon, UTC
AGES = {"a": 0.1, "b": 0.2, "c": 1.1, "d": 1.2, "release-1": 40, "e": 41}
"""Ages in days; `a` and `b` are of one day, `c` and `d` of another."""
AGES_OF_FILES = {f"{name}.caibx": age for name, age in AGES.items()}


def kept(ages: dict[str, float | None] | None = None, **rules: Any) -> set[str]:
    spec = RootSpec.model_validate({"url": "images", **rules})
    every = AGES if ages is None else ages
    found = [
        FoundIndex(f"{name}.caibx", 1, None if age is None else NOW - age * DAY)
        for name, age in every.items()
    ]
    return {name.removesuffix(".caibx") for name in retained(found, spec, NOW)}


def test_without_rules_everything_is_kept() -> None:
    assert kept() == set(AGES)


def test_the_newest_are_kept() -> None:
    assert kept(keep_last=2) == {"a", "b"}


def test_of_each_day_the_newest_is_kept() -> None:
    assert kept(keep_daily=2) == {"a", "c"}
    assert kept(keep_daily=3) == {"a", "c", "release-1"}


def test_what_is_young_is_kept() -> None:
    assert kept(keep_for="36h") == {"a", "b", "c", "d"}


def test_any_rule_keeps() -> None:
    assert kept(keep_last=1, keep_daily=2, keep_for="1h") == {"a", "c"}


def test_golden_names_are_always_kept() -> None:
    assert kept(keep_last=1, golden=["release-*"]) == {"a", "release-1"}


def test_tombstones_go_though_there_is_no_rule_of_ages() -> None:
    assert kept(tombstones=["[ab].*"]) == set(AGES) - {"a", "b"}


def test_golden_goes_before_tombstones() -> None:
    assert kept(tombstones=["*"], golden=["release-*"]) == {"release-1"}


def test_a_tombstone_is_not_one_of_the_newest() -> None:
    assert kept(keep_last=1, tombstones=["a.*"]) == {"b"}


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ({"keep_last": 1}, {"a", "e", "latest", "away"}),
        ({"keep_last": 1, "tombstones": ["latest.*"]}, {"a", "away"}),
        ({"tombstones": ["e.*"]}, set(AGES) - {"e"} | {"away"}),
        ({"tombstones": ["e.*"], "golden": ["latest.*"]}, set(AGES) | {"latest", "away"}),
        ({"tombstones": ["away.*"]}, set(AGES) | {"latest"}),
    ],
)
def test_a_link_is_kept_and_keeps_what_it_leads_to(rules: dict[str, Any], names: set[str]) -> None:
    spec = RootSpec.model_validate({"url": "images", **rules})
    found = [FoundIndex(name, 1, NOW - age * DAY) for name, age in AGES_OF_FILES.items()]
    found.append(FoundIndex("latest.caibx", 1, NOW, "e.caibx"))
    found.append(FoundIndex("away.caibx", 0, None, ""))

    assert retained(found, spec, NOW) == {f"{name}.caibx" for name in names}


def test_rules_of_ages_need_ages() -> None:
    assert kept({"a": None}) == {"a"}
    with pytest.raises(UsageError, match=r"images: nobody can tell how old a\.caibx is"):
        kept({"a": None}, keep_last=1)


@pytest.mark.parametrize(
    ("name", "rules", "counts"),
    [
        ("x.caibx", {}, True),
        ("deep/below/x.caidx", {}, True),
        ("x.catar", {}, False),
        ("x.part.caibx", {"exclude": ["*.part.*"]}, False),
        ("old/x.caibx", {"exclude": ["old/*"]}, False),
        ("new/x.caibx", {"exclude": ["old/*"]}, True),
        ("x.idx", {"include": ["*.idx"]}, True),
    ],
)
def test_names_say_what_is_an_index(name: str, rules: dict[str, Any], counts: bool) -> None:
    assert is_root(name, RootSpec.model_validate({"url": "images", **rules})) is counts
