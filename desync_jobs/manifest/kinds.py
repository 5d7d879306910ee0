"""Specs that are told apart by their `kind`, each imported when a document has it."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from desync_jobs.manifest.base import OperationBase


class Kinds(Mapping[str, type[OperationBase]]):
    """The class of each kind; that of kind `verify-index` is in the module `verify_index`."""

    def __init__(self, package: str, classes: Mapping[str, str]) -> None:
        """Take the names of `classes` by kind; their modules are in `package`."""
        self._package = package
        self._classes = classes

    def __getitem__(self, kind: str) -> type[OperationBase]:
        """Import the class of `kind`; `KeyError` where there is none."""
        name = self._classes[kind]
        module = import_module(f"{self._package}.{kind.replace('-', '_')}")
        spec: type[OperationBase] = getattr(module, name)
        return spec

    def __contains__(self, kind: object) -> bool:
        return kind in self._classes

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


class ByKind:
    """Has pydantic read a field as a union told apart by `kind`, without importing all of it.

    What it finds wrong has the place and the words that it has in a union of the classes.
    """

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return a union of functions, one for each kind."""
        del source, handler
        choices: dict[Any, CoreSchema] = {
            kind: core_schema.no_info_plain_validator_function(self._reader(kind))
            for kind in self._kinds
        }
        return core_schema.tagged_union_schema(choices, "kind")

    def _reader(self, kind: str) -> Callable[[Any], OperationBase]:
        def read(value: Any) -> OperationBase:
            # An error of this validation keeps its places, behind that of the field.
            return self._kinds[kind].model_validate(value)

        return read
