"""How two trees are compared, and how that is told."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

from desync_jobs.formats.catar.aspects import ASPECTS
from desync_jobs.manifest.scalars import VARIABLE_USE
from desync_jobs.manifest.suggestions import did_you_mean

_SCHEMA: Final = {
    "anyOf": [
        {"enum": list(ASPECTS), "type": "string"},
        {"type": "string", "pattern": VARIABLE_USE},
    ]
}


def _aspect(text: str) -> str:
    if text not in ASPECTS:
        words = ", ".join(ASPECTS)
        raise ValueError(f"{text!r} is none of {words}{did_you_mean(text, ASPECTS)}")
    return text


Aspect: TypeAlias = Annotated[str, AfterValidator(_aspect), WithJsonSchema(_SCHEMA)]
"""A group of attributes that may be left out of a comparison."""

Form: TypeAlias = Literal["words", "json"]
"""Lines for people, or a JSON array for programs."""
