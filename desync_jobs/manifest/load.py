"""From a manifest to a `Job`, or to every problem in it at once."""

import os
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from desync_jobs.errors import ManifestError, Problem
from desync_jobs.manifest.belonging import place_problems
from desync_jobs.manifest.conflicts import (
    conflicts,
    seed_conflicts,
    tree_conflicts,
    valid_operations,
)
from desync_jobs.manifest.currencies import limit_problems, price_problems
from desync_jobs.manifest.job import Job, JobSpec
from desync_jobs.manifest.problems import field_problems
from desync_jobs.manifest.read import absolute_directory, read_document
from desync_jobs.manifest.references import reference_problems
from desync_jobs.manifest.spread import engine_problems
from desync_jobs.manifest.variables import Where, substitute

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_VERSION: Final = 1


def load_job(
    path: str | os.PathLike[str],
    variables: Mapping[str, str] = _NOTHING,
    environment: Mapping[str, str] = _NOTHING,
) -> Job:
    """Return the job in a file, TOML or JSON, with its variables filled in.

    `variables` are those of `--var`; `environment` is looked at for `DESYNC_VAR_...` only.
    `ManifestError` with every problem, each with its place.
    """
    source = os.fspath(path)
    document = read_document(source)
    return job_from_document(document, absolute_directory(source), source, variables, environment)


def job_from_document(
    document: Mapping[str, Any],
    directory: str,
    source: str,
    variables: Mapping[str, str] = _NOTHING,
    environment: Mapping[str, str] = _NOTHING,
) -> Job:
    """Return the job that `document` declares; relative paths are relative to `directory`.

    Strings may use variables; `variables.literal` escapes those that are meant as they are.
    `ManifestError` with every problem. A version that is not 1 is told alone, because
    anything may look wrong in a manifest of another version.
    """
    _check_version(document, source)
    filled = substitute(document, variables, environment)
    problems = list(filled.problems)
    spec = None
    try:
        spec = JobSpec.model_validate(filled.document)
    except ValidationError as error:
        problems += field_problems(error, filled.document)
    operations = spec.operations if spec else valid_operations(filled.document)
    problems += reference_problems(filled.document)
    problems += place_problems(filled.document)
    problems += conflicts(operations, directory)
    seeds = spec.seeds if spec else {}
    problems += seed_conflicts(seeds)
    problems += tree_conflicts(operations, seeds)
    problems += engine_problems(spec) if spec else ()
    problems += [*price_problems(spec), *limit_problems(spec)] if spec else ()
    problems = [
        problem
        for problem in dict.fromkeys(problems)
        if problem in filled.problems or problem.where not in filled.unresolved
    ]
    if problems or spec is None:
        raise ManifestError(source, _in_order_of(document, problems))
    return Job(spec, directory, source, filled.values)


def _check_version(document: Mapping[str, Any], source: str) -> None:
    version = document.get("version", _VERSION)
    if type(version) is not int or version != _VERSION:
        message = (
            f"this program reads version {_VERSION} of the manifest, not {version!r}; "
            f"write version = {_VERSION}, or use a release that reads the other"
        )
        raise ManifestError(source, [Problem(("version",), message)])


def _in_order_of(document: Mapping[str, Any], problems: Iterable[Problem]) -> list[Problem]:
    """Sort `problems` by place in the file; a missing key stands where its table does."""
    places: dict[Where, int] = {}
    _number(document, (), places)

    def place(problem: Problem) -> int:
        where = problem.where
        while where not in places:
            where = where[:-1]
        return places[where]

    return sorted(problems, key=place)


def _number(value: Any, where: Where, places: dict[Where, int]) -> None:
    places[where] = len(places)
    if isinstance(value, Mapping):
        for key, item in value.items():
            _number(item, (*where, key), places)
    elif isinstance(value, list | tuple):
        for at, item in enumerate(value):
            _number(item, (*where, at), places)
