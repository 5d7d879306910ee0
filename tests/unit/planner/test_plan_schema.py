from pathlib import Path
from typing import Any, cast

import jsonschema

from desync_jobs.planner.schema import FILE_NAME, plan_schema, schema_text, write_schema

COMMITTED = Path(__file__).parents[3] / "schemas" / FILE_NAME


def test_the_committed_schema_is_fresh() -> None:
    assert COMMITTED.read_text() == schema_text(), "the plan has changed; mend with: just schemas"


def test_the_recipe_writes_what_is_committed(tmp_path: Path) -> None:
    write_schema(str(tmp_path))

    assert (tmp_path / FILE_NAME).read_text() == schema_text()


def test_every_object_and_every_key_is_described() -> None:
    schema = cast("dict[str, Any]", plan_schema())
    jsonschema.Draft202012Validator.check_schema(schema)

    assert set(schema["$defs"]) == {
        "amount",
        "bounds",
        "charge",
        "deletion",
        "part",
        "price",
        "space",
        "step",
        "tree",
    }
    for shape in (schema, *schema["$defs"].values()):
        assert shape["description"].endswith(".")
        assert shape["required"] == list(shape["properties"])
        assert all(one["description"].endswith(".") for one in shape["properties"].values())
