"""The committed JSON Schema of manifests: fresh, complete, and of the same opinion as `load`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli

from desync_jobs.manifest.operations import KINDS
from desync_jobs.manifest.schema import SCHEMA_FILE, attribute_docstrings, schema_text, write_schema

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "schemas" / SCHEMA_FILE).read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
EXAMPLES = sorted((ROOT / "examples").glob("*.toml")) + sorted((ROOT / "examples").glob("*.json"))

OPERATION: dict[str, Any] = {"kind": "extract", "index": "i", "target": "t", "stores": ["s"]}


def _job(**changes: Any) -> dict[str, Any]:
    return {"version": 1, "operations": {"a": {**OPERATION, **changes}}}


def test_the_committed_schema_is_fresh() -> None:
    committed = (ROOT / "schemas" / SCHEMA_FILE).read_text()

    assert committed == schema_text(), "the specs have changed; mend with: just schemas"


def test_the_recipe_writes_what_is_committed(tmp_path: Path) -> None:
    write_schema(str(tmp_path))

    assert (tmp_path / SCHEMA_FILE).read_text() == schema_text()


def test_the_schema_is_a_schema_that_names_no_host() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$id"] == "job.schema.json"
    assert SCHEMA["title"] == "desync-run job"


def _tables() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "job", SCHEMA
    for name, definition in SCHEMA["$defs"].items():
        if "properties" in definition:
            yield name, definition


@pytest.mark.parametrize(("name", "table"), list(_tables()))
def test_every_table_and_every_key_has_a_description(name: str, table: dict[str, Any]) -> None:
    described = {key: value["description"] for key, value in table["properties"].items()}

    assert table["description"].endswith(".")
    assert table["title"] != name
    assert table["additionalProperties"] is False
    assert all(text.endswith(".") for text in described.values()), described


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_described_by_the_strings_under_its_fields(kind: str) -> None:
    spec = KINDS[kind]
    definition = SCHEMA["$defs"][spec.__name__]

    assert definition["title"] == f"{kind} operation"
    assert set(definition["properties"]) == set(spec.model_fields)
    assert {
        key: value["description"] for key, value in definition["properties"].items()
    } == attribute_docstrings(spec)


def test_defaults_are_shown_as_they_are_written() -> None:
    make = SCHEMA["$defs"]["MakeSpec"]["properties"]

    assert make["chunk_size"]["default"] == "16KiB:64KiB:256KiB"
    assert make["cut"]["default"] == "casync"
    assert make["digest"]["default"] == "sha512-256"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_schema_accepts_every_example(example: Path) -> None:
    text = example.read_text()
    document = json.loads(text) if example.suffix == ".json" else tomli.loads(text)

    VALIDATOR.validate(document)


@pytest.mark.parametrize(
    "document",
    [
        _job(in_place="${in_place}"),
        _job(cache=None),
        {"version": 1, "operations": {"a": {"kind": "cat", "index": "i", "stores": ["s"],
                                            "offset": "1.5 GiB", "length": 5}}},
        {"version": 1, "operations": {"a": {"kind": "cat", "index": "i", "stores": ["s"],
                                            "offset": "${from}"}}},
        {"version": 1, "operations": {"a": {"kind": "chunk", "blob": "b", "chunk_size": "64k",
                                            "cut": "${cut}", "digest": "sha256"}}},
        {**_job(), "engine": {"kind": "dask", "scheduler": "tcp://h:8786"}},
        {**_job(), "engine": {"workers": 256}, "stores": {"s": {"url": "u", "level": 19}}},
    ],
)  # fmt: skip
def test_the_schema_accepts_what_can_be_loaded(document: dict[str, Any]) -> None:
    VALIDATOR.validate(document)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"version": 1},
        {"version": 1, "operations": {}},
        {"version": 2, "operations": {"a": OPERATION}},
        {**_job(), "nme": "x"},
        {**_job(), "engine": {"workers": 0}},
        {**_job(), "engine": {"kind": "dsk"}},
        {**_job(), "engine": {"kind": "dask", "scheduler": 8786}},
        {**_job(), "stores": {"s": {}}},
        {**_job(), "stores": {"s": {"url": ""}}},
        {**_job(), "stores": {"s": {"url": "u", "compression": "lz4"}}},
        {**_job(), "stores": {"a b": {"url": "u"}}},
        {**_job(), "variables": {"a.b": {}}},
        {"version": 1, "operations": {"a/b": OPERATION}},
        _job(kind="extrct"),
        _job(in_place="yes"),
        _job(stores="s"),
        _job(stores=[]),
        _job(target=3),
        _job(blob="b"),
        {"version": 1, "operations": {"a": {"kind": "chunk", "blob": "b", "chunk_size": "64KB"}}},
        {"version": 1, "operations": {"a": {"kind": "chunk", "blob": "b", "start": -1}}},
        {"version": 1, "operations": {"a": {"kind": "chunk", "blob": "b", "cut": "desync"}}},
    ],
)
def test_the_schema_refuses_what_cannot_be_loaded(document: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(document)
