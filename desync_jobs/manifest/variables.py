"""Variables: `${name}` in any string of a manifest.

A value comes from `--var`, else from the environment (`DESYNC_VAR_name`, then `DESYNC_VAR_NAME`),
else from the default. It is put in as it is: what looks like a variable in a value is
not one. `$${` is a plain `${`; any other dollar sign is just that.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from desync_jobs.errors import Problem
from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.suggestions import did_you_mean

ENVIRONMENT_PREFIX: Final = "DESYNC_VAR_"

Where: TypeAlias = tuple[str | int, ...]
"""A path of keys in a document."""

_USE = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")


class VariableSpec(Spec):
    """Something that is given when the job is started."""

    description: str = ""
    """What the value means; shown when it is missing."""
    default: str | None = None
    """The value when none is given; without a default, one must be. Holds no variables."""


@dataclass(frozen=True, slots=True)
class Substituted:
    """A document with its variables filled in."""

    document: dict[str, Any]
    values: Mapping[str, str]
    """What each variable is that has a value."""
    problems: tuple[Problem, ...]
    unresolved: frozenset[Where]
    """Places of strings that have no final value, so that nothing else can be said of them."""


def substitute(
    document: Mapping[str, Any], given: Mapping[str, str], environment: Mapping[str, str]
) -> Substituted:
    """Fill in every variable of `document` outside its `variables` table."""
    declared = document.get("variables", {})
    declared = declared if isinstance(declared, dict) else {}
    values, problems = _values(declared, given, environment)
    filler = _Filler(frozenset(declared), values)
    filled = {
        key: value if key == "variables" else filler.fill(value, (key,))
        for key, value in document.items()
    }
    return Substituted(filled, values, (*problems, *filler.problems), frozenset(filler.unresolved))


def _values(
    declared: Mapping[str, Any], given: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[dict[str, str], list[Problem]]:
    """Return the value of each declared variable that has one, and what is wrong."""
    problems = [
        Problem((f"--var {name}",), f"no such variable{did_you_mean(name, declared)}")
        for name in given
        if name not in declared
    ]
    values = {}
    for name, spec in declared.items():
        default = spec.get("default") if isinstance(spec, dict) else None
        value = next(_sources(name, given, environment), default)
        if isinstance(value, str):
            values[name] = value
        elif default is None and isinstance(spec, dict):
            problems.append(Problem(("variables", name), _missing(name, spec)))
        if isinstance(default, str) and "${" in default:
            problems.append(
                Problem(("variables", name, "default"), "a default cannot use variables")
            )
    return values, problems


def _sources(name: str, given: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield what the outside says about a variable, what counts first."""
    if name in given:
        yield given[name]
    for variable in (ENVIRONMENT_PREFIX + name, environment_name(name)):
        if variable in environment:
            yield environment[variable]


def given_outside(name: str, given: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    """Whether the outside says what a variable is."""
    return next(_sources(name, given, environment), None) is not None


def environment_name(name: str) -> str:
    """Return the environment variable of a variable: `DESYNC_VAR_OUT_DIR` for `out-dir`."""
    return ENVIRONMENT_PREFIX + name.upper().replace("-", "_")


def _missing(name: str, spec: Mapping[str, Any]) -> str:
    description = spec.get("description")
    purpose = f" ({description})" if isinstance(description, str) and description else ""
    return f"no value{purpose}; give --var {name}=... or set {environment_name(name)}"


class _Filler:
    """Fills in variables, remembering what it could not."""

    def __init__(self, declared: frozenset[str], values: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self.unresolved: set[Where] = set()
        self._declared = declared
        self._values = values

    def fill(self, value: Any, where: Where) -> Any:
        if isinstance(value, str):
            return self._fill_text(value, where) if "${" in value else value
        if isinstance(value, dict):
            return {key: self.fill(item, (*where, key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(item, (*where, at)) for at, item in enumerate(value)]
        return value

    def _fill_text(self, text: str, where: Where) -> str:
        def replacement(match: re.Match[str]) -> str:
            name = match[1]
            if match[0] == "$${":
                return "${"
            if name in self._values:
                return self._values[name]
            self.unresolved.add(where)
            if name is None:
                message = "'${' without a '}'; write '$${' for a plain '${'"
                self.problems.append(Problem(where, message))
            elif name not in self._declared:
                message = f"no variable named {name!r}{did_you_mean(name, self._declared)}"
                self.problems.append(Problem(where, message))
            return match[0]

        return _USE.sub(replacement, text)


def literal(value: Any) -> Any:
    """Return `value` such that `substitute` gives it back: every `${` in it is escaped."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {key: literal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [literal(item) for item in value]
    return value
