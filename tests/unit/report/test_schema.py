import json
import os
from pathlib import Path
from typing import Any, cast, get_args

import jsonschema
import pytest

from desync_jobs.report.events import Event
from desync_jobs.report.schema import FILE_NAME, event_schema, write_schema

COMMITTED = Path(__file__).parents[3] / "schemas" / FILE_NAME


def definitions() -> dict[str, Any]:
    return cast("dict[str, Any]", event_schema()["$defs"])


def test_the_committed_schema_is_the_one_of_the_event_classes() -> None:
    assert json.loads(COMMITTED.read_text()) == event_schema(), "run: just schemas"


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(event_schema())


def test_every_event_has_a_definition_with_a_description() -> None:
    described = [entry["description"] for entry in definitions().values()]

    assert len(described) == len(get_args(Event))
    assert all(text.endswith(".") for text in described)


def test_the_string_below_a_field_is_its_description() -> None:
    unit = definitions()["phase-started"]["properties"]["unit"]

    assert unit == {"type": "string", "description": "`bytes` or `chunks`."}


def test_fields_without_a_default_are_required() -> None:
    required = definitions()["step-finished"]["required"]

    assert required == ["event", "time", "operation", "kind", "status", "seconds"]


def test_an_event_with_an_unknown_name_is_refused() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"event": "run-paused", "time": 0}, event_schema())


def test_the_schema_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    path = write_schema(os.fspath(tmp_path))

    assert path == os.fspath(tmp_path / "event.schema.json")
    assert json.loads((tmp_path / FILE_NAME).read_text()) == event_schema()
