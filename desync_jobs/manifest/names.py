"""Names of stores, caches, operations and variables."""

import re
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

NAME_PATTERN: Final = "[A-Za-z0-9][A-Za-z0-9._-]*"
VARIABLE_PATTERN: Final = "[A-Za-z_][A-Za-z0-9_-]*"


def _name(text: str) -> str:
    if not re.fullmatch(NAME_PATTERN, text):
        raise ValueError(
            f"{text!r} cannot be a name: use letters, digits, '.', '_' and '-', "
            "with a letter or a digit first"
        )
    return text


def _variable_name(text: str) -> str:
    if not re.fullmatch(VARIABLE_PATTERN, text):
        raise ValueError(
            f"{text!r} cannot be the name of a variable: use letters, digits, '_' and '-', "
            "with a letter or '_' first"
        )
    return text


Name: TypeAlias = Annotated[
    str,
    AfterValidator(_name),
    WithJsonSchema({"type": "string", "pattern": f"^{NAME_PATTERN}$"}),
]
"""What a store, a cache or an operation is called; safe in messages and file names."""

VariableName: TypeAlias = Annotated[
    str,
    AfterValidator(_variable_name),
    WithJsonSchema({"type": "string", "pattern": f"^{VARIABLE_PATTERN}$"}),
]
"""What a variable is called; its upper-case form is part of an environment variable's name."""
