"""Whatever somebody writes, they get a job or a list of problems, never a defect."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desync_jobs.errors import ManifestError
from desync_jobs.manifest.job import Job, JobSpec
from desync_jobs.manifest.load import job_from_document
from desync_jobs.manifest.operations import KINDS
from desync_jobs.manifest.read import parse_document

_KEYS = sorted(
    {*JobSpec.model_fields, *(key for spec in KINDS.values() for key in spec.model_fields)}
    | {"url", "compression", "level", "workers", "default"}
)
keys = st.sampled_from(_KEYS) | st.text(max_size=4)
words = st.sampled_from([*KINDS, "a", "-", "", "${a}", "${", "16:64:256", "1KB", "file://", "x://"])
values = st.recursive(
    words | st.text(max_size=6) | st.integers() | st.floats() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
operations = st.builds(
    lambda kind, fields: {"kind": kind, **fields},
    st.sampled_from(list(KINDS)),
    st.dictionaries(keys, values, max_size=5),
)
documents = st.builds(
    lambda rest, named: {"version": 1, **rest, "operations": named},
    st.dictionaries(keys.filter(lambda key: key != "version"), values, max_size=5),
    st.dictionaries(st.sampled_from(["a", "b", "-"]), operations | values, max_size=3),
)


def _outcome(read: Callable[..., Any], *arguments: Any) -> Any:
    """Return what `read` returns, or the problems it raises; anything else is a defect."""
    try:
        return read(*arguments)
    except ManifestError as error:
        return error.problems


# On a busy machine drawing documents may take longer than Hypothesis likes.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(documents, st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=3), max_size=2))
def test_any_document_is_a_job_or_a_list_of_problems(
    document: dict[str, Any], variables: dict[str, str]
) -> None:
    outcome = _outcome(job_from_document, document, "/jobs", "job.toml", variables)

    if isinstance(outcome, Job):
        assert outcome.spec.operations
    else:
        assert outcome
        assert len(set(outcome)) == len(outcome)


@given(st.text(max_size=60) | st.text("[]{}=.\"'\n #a1", max_size=60))
def test_any_text_is_a_document_or_a_problem(text: str) -> None:
    for source in ("job.toml", "job.json"):
        outcome = _outcome(parse_document, text, source)

        assert isinstance(outcome, dict) or len(outcome) == 1


def test_a_path_of_any_bytes_is_kept_as_the_operating_system_gave_it() -> None:
    path = os.fsdecode(b"a\xff")
    operation = {"kind": "digest", "blob": "${v}"}
    document = {"version": 1, "variables": {"v": {}}, "operations": {"a": operation}}

    job = job_from_document(document, "/", "job.toml", {"v": path})

    (read,) = job.spec.operations["a"].access().reads
    assert os.fsencode(job.path(read)) == b"/a\xff"


def test_toml_dates_are_a_problem_and_no_defect() -> None:
    text = "version = 1\n[operations.a]\nkind = 1979-05-27\nblob = 07:32:00\n"

    with pytest.raises(ManifestError) as caught:
        job_from_document(parse_document(text, "job.toml"), "/", "job.toml")

    assert len(caught.value.problems) == 1
    assert str(caught.value.problems[0]).startswith("operations.a.kind: unknown kind")


def test_keys_of_any_kind_of_text_are_told() -> None:
    document = json.loads('{"version": 1, "": 1, "a\\u0000": 2, "operations": {"": {}}}')

    with pytest.raises(ManifestError) as caught:
        job_from_document(document, "/", "job.json")

    assert {problem.where for problem in caught.value.problems} == {
        ("",),
        ("a\0",),
        ("operations", ""),
        ("operations", "", "kind"),
    }
