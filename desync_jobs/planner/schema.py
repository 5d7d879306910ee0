"""JSON Schema of a plan, made from the typed shape of its document.

`python -m desync_jobs.planner.schema schemas` writes `schemas/plan.schema.json`. Descriptions
are the docstrings of the classes and the strings below their keys.
"""

import inspect
import json
import sys
from collections.abc import Mapping
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints, is_typeddict

from desync_jobs.planner.document import PlanDocument
from desync_jobs.report.schema import field_notes

FILE_NAME: Final = "plan.schema.json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TYPES: Final[Mapping[Any, str]] = MappingProxyType(
    {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
)


def plan_schema() -> dict[str, object]:
    """Describe the document; readers must accept keys that it does not name."""
    found: dict[str, dict[str, object]] = {}
    root = _shape(PlanDocument, found)
    return {
        "$schema": _DIALECT,
        "$id": FILE_NAME,
        "title": "desync-run plan",
        **root,
        "$defs": found,
    }


def _shape(document: type, found: dict[str, dict[str, object]]) -> dict[str, object]:
    notes = field_notes(document)
    hints = get_type_hints(document)
    return {
        "type": "object",
        "description": " ".join((inspect.getdoc(document) or "").split()),
        "properties": {
            key: {**_schema_of(hint, found), "description": " ".join(notes[key].split())}
            for key, hint in hints.items()
        },
        "required": list(hints),
    }


def _schema_of(hint: Any, found: dict[str, dict[str, object]]) -> dict[str, object]:
    if is_typeddict(hint):
        name = hint.__name__.removesuffix("Document").lower()
        if name not in found:
            found[name] = _shape(hint, found)
        return {"$ref": f"#/$defs/{name}"}
    if get_origin(hint) is list:
        return {"type": "array", "items": _schema_of(get_args(hint)[0], found)}
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if isinstance(hint, UnionType):
        return {"anyOf": [_schema_of(one, found) for one in get_args(hint)]}
    return {"type": _TYPES[hint]}


def schema_text() -> str:
    """Return the content of the committed schema file."""
    return json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"


def write_schema(directory: str) -> None:
    """Write the schema into `directory`."""
    with open(f"{directory}/{FILE_NAME}", "w", encoding="utf-8") as file:
        file.write(schema_text())


if __name__ == "__main__":
    write_schema(sys.argv[1])
