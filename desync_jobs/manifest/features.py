"""What of a directory tree an archive keeps: casync's words for it."""

from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

from desync_jobs.formats.catar.features import FEATURES
from desync_jobs.manifest.scalars import VARIABLE_USE
from desync_jobs.manifest.suggestions import did_you_mean

_SCHEMA: Final = {
    "anyOf": [
        {"enum": list(FEATURES), "type": "string"},
        {"type": "string", "pattern": VARIABLE_USE},
    ]
}


def _feature(text: str) -> str:
    if text not in FEATURES:
        raise ValueError(f"{text!r} is nothing that archives keep{did_you_mean(text, FEATURES)}")
    return text


Feature: TypeAlias = Annotated[str, AfterValidator(_feature), WithJsonSchema(_SCHEMA)]
"""A word that casync takes after `--with=` and `--without=`."""
