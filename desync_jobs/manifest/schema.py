"""The JSON Schema of manifests: completion and checks in an editor, from the specs themselves.

`python -m desync_jobs.manifest.schema schemas` rewrites the committed file. A schema sees
a manifest before its variables are filled in, so wherever a string is limited
to some words, one that uses a variable passes as well.
"""

import ast
import inspect
import json
import os
import re
import sys
import textwrap
from itertools import pairwise
from typing import Annotated, Any, Final, get_args

from pydantic import BaseModel, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.chunk_size import format_chunk_sizes
from desync_jobs.manifest.job import JobSpec
from desync_jobs.manifest.names import Name
from desync_jobs.manifest.operations.every import EveryOperation
from desync_jobs.manifest.scalars import VARIABLE_USE

SCHEMA_FILE: Final = "job.schema.json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TITLE: Final = "desync-run job"


def job_schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest."""
    schema = _WholeJobSpec.model_json_schema(schema_generator=_Generator)
    return {"$schema": _DIALECT, "$id": SCHEMA_FILE, **schema, "title": _TITLE}


def schema_text() -> str:
    """Return the content of the committed schema file."""
    return json.dumps(job_schema(), indent=2, ensure_ascii=False) + "\n"


def attribute_docstrings(spec: type[BaseModel]) -> dict[str, str]:
    """Return the string under each field of `spec` and of the classes it is made from."""
    found: dict[str, str] = {}
    for base in reversed(spec.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
            definition = tree.body[0]
            if isinstance(definition, ast.ClassDef):
                found |= _strings_under_fields(definition)
    return found


def _strings_under_fields(definition: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, below in pairwise(definition.body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = _one_line(text)
            case _:
                pass
    return found


def _one_line(text: str) -> str:
    return " ".join(inspect.cleandoc(text).split())


class _WholeJobSpec(JobSpec):
    __doc__ = JobSpec.__doc__

    operations: Annotated[dict[Name, EveryOperation], Field(min_length=1)]


class _Generator(GenerateJsonSchema):
    """pydantic's generator with our descriptions, without titles that only repeat a key."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        spec = schema["cls"]
        strings = attribute_docstrings(spec)
        described = super().model_schema(schema)
        described["title"] = _title(spec)
        described["description"] = _one_line(spec.__doc__ or "")
        for name, value in described.get("properties", {}).items():
            value["description"] = strings.get(name, "")
        return described

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        words = [member.value for member in schema["members"]]
        return _or_variable({"enum": words, "type": "string"})

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        # pydantic limits the names of keys, but lets all others pass.
        table = super().dict_schema(schema)
        return {**table, "additionalProperties": False} if "patternProperties" in table else table

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        plain = super().literal_schema(schema)
        return _or_variable(plain) if "enum" in plain else plain

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        union = super().tagged_union_schema(schema)
        union.pop("discriminator", None)  # a word of OpenAPI
        return union

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, ChunkSizes):
            return format_chunk_sizes(dft)
        return super().encode_default(dft)


def _or_variable(schema: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [schema, {"type": "string", "pattern": VARIABLE_USE}]}


def _title(spec: type[BaseModel]) -> str:
    """Return `make operation` for `MakeSpec` and `local engine` for `LocalEngineSpec`."""
    if issubclass(spec, OperationBase):
        (kind,) = get_args(spec.model_fields["kind"].annotation)
        return f"{kind} operation"
    return " ".join(re.findall("[A-Z][a-z]*", spec.__name__.removesuffix("Spec"))).lower()


def write_schema(directory: str) -> None:
    """Write the schema into `directory`."""
    with open(os.path.join(directory, SCHEMA_FILE), "w", encoding="utf-8") as file:
        file.write(schema_text())


if __name__ == "__main__":
    write_schema(sys.argv[1])
