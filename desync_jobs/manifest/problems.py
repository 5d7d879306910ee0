"""What pydantic finds, in the words of somebody who wrote a manifest.

Places lose what only pydantic knows (the tag of a tagged union, `[key]`), and
messages say what to write instead. `Problem.where` is then the path of keys in the file.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from desync_jobs.errors import Problem
from desync_jobs.manifest.authentication import CredentialsSpec, TlsSpec
from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.blob import BlobSpec
from desync_jobs.manifest.encryption import EncryptionSpec
from desync_jobs.manifest.engine import ENGINES
from desync_jobs.manifest.job import JobSpec
from desync_jobs.manifest.operations import KINDS
from desync_jobs.manifest.policy import PolicySpec
from desync_jobs.manifest.prices import PricesSpec
from desync_jobs.manifest.secrets import SecretSpec
from desync_jobs.manifest.seeds import SeedSpec
from desync_jobs.manifest.stores import CacheSpec, FailoverGroupSpec, IndexStoreSpec, StoreSpec
from desync_jobs.manifest.suggestions import did_you_mean
from desync_jobs.manifest.variables import VariableSpec, Where

_KEY_MARK: Final = "[key]"
_PLACE_KEY: Final = 3
"""As long is the path of a key of a place; what is longer is in a table within it."""
_KIND_PLACE: Final = 2
"""Where pydantic puts the kind in `("operations", name, kind, field)`."""

_SECTIONS: Final[Mapping[str, type[Spec]]] = {
    "variables": VariableSpec,
    "stores": StoreSpec,
    "caches": CacheSpec,
    "seeds": SeedSpec,
    "failover_groups": FailoverGroupSpec,
    "index_stores": IndexStoreSpec,
}
_TABLES: Final[Mapping[str, type[Spec]]] = {
    "policy": PolicySpec,
    "tls": TlsSpec,
    "credentials": CredentialsSpec,
    "encryption": EncryptionSpec,
    "prices": PricesSpec,
}
"""Tables within those of places, by the key they stand under."""


def field_problems(error: ValidationError, document: object) -> Iterator[Problem]:
    """Yield a `Problem` for each error that pydantic found in `document`."""
    for found in error.errors(include_url=False):
        if found["type"] == "too_short" and found["input"]:
            continue  # its entries are wrong, each told by itself, and not missing
        where: Where = found["loc"]
        phrase = _PHRASES.get(found["type"])
        in_file = _in_file(where, found["type"])
        known: Mapping[str, Any] = {**found, "written": _written_beside(document, in_file)}
        message = phrase(known) if phrase else found["msg"][:1].lower() + found["msg"][1:]
        yield Problem(in_file, message)


def _written_beside(document: object, where: Where) -> Collection[str]:
    """Return the keys of the table in which the last key of `where` is."""
    table: Any = document
    for key in where[:-1]:
        try:
            table = table[key]
        except (KeyError, IndexError, TypeError):
            return ()
    return table.keys() if isinstance(table, Mapping) else ()


def _in_file(where: Where, error_type: str) -> Where:
    """Return the path of keys as the file has it."""
    if where[:1] == ("operations",):
        where = where[:_KIND_PLACE] + where[_KIND_PLACE + 1 :]
    if where[:1] == ("engine",):
        where = ("engine", *where[2:])
    if where[-1:] == (_KEY_MARK,):
        where = where[:-1]
    if error_type.startswith("union_tag"):
        where = (*where, "kind")
    return where


def _known_keys(where: Where) -> list[str]:
    """Return the keys that are possible beside the last one of pydantic's path `where`."""
    spec: type[Spec] = JobSpec
    match where:
        case ("operations", _, "extract", "blobs", _, _):
            spec = BlobSpec
        case ("operations", _, str(kind), *_) if kind in KINDS:
            spec = KINDS[kind]
        case ("engine", str(kind), _) if kind in ENGINES:
            spec = ENGINES[kind]
        case (*_, str(table), _) if table in _TABLES:
            spec = _TABLES[table]
        case (*_, str(key), _) if len(where) > _PLACE_KEY and key not in _SECTIONS:
            spec = SecretSpec
        case (str(section), _, _) if section in _SECTIONS:
            spec = _SECTIONS[section]
    return list(spec.model_fields)


def _unknown_key(found: Mapping[str, Any]) -> str:
    known = _known_keys(found["loc"])
    # Whoever has written a key already meant another one.
    guess = did_you_mean(
        str(found["loc"][-1]), [key for key in known if key not in found["written"]]
    )
    return "unknown key" + (guess or f"; there are {', '.join(sorted(known))}")


def _unknown_kind(found: Mapping[str, Any]) -> str:
    written = str(found["ctx"]["tag"])
    return f"unknown kind {written!r}; there are {', '.join(KINDS)}{did_you_mean(written, KINDS)}"


def _missing_kind(_found: Mapping[str, Any]) -> str:
    return f"missing; write which of {', '.join(KINDS)} this operation is"


def _not_a_choice(found: Mapping[str, Any]) -> str:
    expected = found["ctx"]["expected"]
    if found["loc"][:1] == ("engine",):
        expected = " or ".join(map(repr, ENGINES))
    written = found["input"]
    if not isinstance(written, str):
        return f"should be {expected}, not {_name_of(written)}"
    known = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    return f"should be {expected}, not {written!r}{did_you_mean(written, known)}"


def _not_text(found: Mapping[str, Any]) -> str:
    written = found["input"]
    if isinstance(written, int | float) and not isinstance(written, bool):
        return f'should be a string; put it in quotes: "{written}"'
    return f"should be a string, not {_name_of(written)}"


def _not_a_list(found: Mapping[str, Any]) -> str:
    written = found["input"]
    if isinstance(written, str):
        return f"should be a list; write [{_quoted(written)}]"
    return f"should be a list, not {_name_of(written)}"


def _not_a_table(found: Mapping[str, Any]) -> str:
    written = found["input"]
    match found["loc"]:
        case ("variables", name) if isinstance(written, str):
            return f"should be a table; write {name} = {{ default = {_quoted(written)} }}"
        case ("stores" | "caches", name) if isinstance(written, str):
            return f"should be a table; write {name} = {{ url = {_quoted(written)} }}"
        case (*_, "roots", _) if isinstance(written, str):
            return f"should be a table; write {{ url = {_quoted(written)} }}"
    return f"should be a table, not {_name_of(written)}"


def _quoted(text: str) -> str:
    import json

    return json.dumps(text)


_TYPE_NAMES: Final[Mapping[type, str]] = {
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
    type(None): "null",
}


def _name_of(value: object) -> str:
    return _TYPE_NAMES.get(type(value), "a date or a time")


_PHRASES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "missing",
    "extra_forbidden": _unknown_key,
    "union_tag_invalid": _unknown_kind,
    "union_tag_not_found": _missing_kind,
    "enum": _not_a_choice,
    "literal_error": _not_a_choice,
    "string_type": _not_text,
    "tuple_type": _not_a_list,
    "dict_type": _not_a_table,
    "model_type": _not_a_table,
    "model_attributes_type": _not_a_table,
    "string_too_short": lambda _: "should not be empty",
    "too_short": lambda _: "should have at least one entry",
    "value_error": lambda found: str(found["ctx"]["error"]),
}
