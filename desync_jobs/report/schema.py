"""JSON Schema of a line of events, made from the event classes themselves.

`python -m desync_jobs.report.schema schemas` writes `schemas/event.schema.json`.
Descriptions are the docstrings of the classes and the strings below their
fields, so a field is described once.
"""

import ast
import inspect
import itertools
import json
import os
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import Any, Final, get_args, get_type_hints

from desync_jobs.report.events import SCHEMA, Event
from desync_jobs.report.jsonl import event_name

FILE_NAME: Final = "event.schema.json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TYPES: Final[Mapping[Any, Mapping[str, object]]] = MappingProxyType(
    {
        str: {"type": "string"},
        int: {"type": "integer"},
        float: {"type": "number"},
        tuple[str, ...]: {"type": "array", "items": {"type": "string"}},
        Mapping[str, object]: {"type": "object"},
        Mapping[str, str]: {"type": "object", "additionalProperties": {"type": "string"}},
        Mapping[str, tuple[str, ...]]: {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        str | None: {"type": ["string", "null"]},
    }
)


def event_schema() -> dict[str, object]:
    """Describe one line; readers must accept properties that it does not name."""
    classes = get_args(Event)
    return {
        "$schema": _DIALECT,
        "$id": FILE_NAME,
        "title": "An event of a run",
        "description": f"One line of the NDJSON that --events writes; version {SCHEMA}.",
        "oneOf": [{"$ref": f"#/$defs/{event_name(one)}"} for one in classes],
        "$defs": {event_name(one): _definition(one) for one in classes},
    }


def _definition(event_class: type[Event]) -> dict[str, object]:
    hints = get_type_hints(event_class)
    notes = field_notes(event_class)
    properties: dict[str, object] = {
        "event": {"const": event_name(event_class)},
        "time": {
            "type": "number",
            "minimum": 0,
            "description": "Seconds since the first line's wall_time; never decreases.",
        },
        "wall_time": {
            "type": "string",
            "format": "date-time",
            "description": "UTC time at which time was zero; in the first line only.",
        },
        "schema": {"const": SCHEMA, "description": "Version of the events; in the first line."},
    }
    required = ["event", "time"]
    for field in fields(event_class):
        note = {"description": notes[field.name]} if field.name in notes else {}
        properties.setdefault(field.name, {**_TYPES[hints[field.name]], **note})
        if field.default is MISSING and field.default_factory is MISSING:
            required.append(field.name)
    return {
        "type": "object",
        "description": inspect.getdoc(event_class),
        "properties": properties,
        "required": required,
    }


def field_notes(described: type) -> dict[str, str]:
    """Find the string below each field; Python itself keeps none of them."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(described)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    notes: dict[str, str] = {}
    for field, note in itertools.pairwise(body):
        match field, note:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                notes[name] = inspect.cleandoc(text)
            case _:
                pass
    return notes


def write_schema(directory: str) -> str:
    """Write the schema into `directory` and return the file's path."""
    path = os.path.join(directory, FILE_NAME)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(event_schema(), indent=2) + "\n")
    return path


if __name__ == "__main__":
    write_schema(sys.argv[1])
