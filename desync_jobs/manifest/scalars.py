"""Numbers and switches, which a variable may supply.

A variable's value is text, so each of these also reads the text of what it
is: `"4"` and `"true"`. Nothing else is converted: `"yes"` and `1` are not true.
"""

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, PlainValidator, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

VARIABLE_USE: Final = r"\$\{"
"""Pattern of a string that uses a variable, so that an editor cannot judge it."""

_LONGEST_NUMBER: Final = 18
_WORDS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """Annotation of an `int` from `low` to `high`, both possible."""

    low: int
    high: int

    def parse(self, value: object) -> int:
        """Return the number; `ValueError` for anything that is not one, or is out of range."""
        if (
            isinstance(value, str)
            and value.isascii()
            and value.isdecimal()
            and len(value) <= _LONGEST_NUMBER
        ):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"should be a whole number from {self.low} to {self.high}")  # noqa: TRY004 - pydantic collects ValueError
        if not self.low <= value <= self.high:
            raise ValueError(f"should be from {self.low} to {self.high}, not {value}")
        return value

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "anyOf": [
                {"type": "integer", "minimum": self.low, "maximum": self.high},
                {"type": "string", "pattern": VARIABLE_USE},
            ]
        }


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    raise ValueError("should be true or false")


Flag: TypeAlias = Annotated[
    bool,
    PlainValidator(_flag),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": VARIABLE_USE}]}),
]
"""true or false."""
