"""Secrets: never written in a manifest, only where to find them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.paths import FilePath

SECRET_KEYS: Final = frozenset({"env", "file", "command"})
_HOW: Final = (
    'write { env = "NAME" } for an environment variable, { file = "path" } or '
    '{ command = ["program", "argument"] }'
)


class SecretSpec(Spec):
    """Where a secret is found when it is needed; one of the three."""

    env: Annotated[str, Field(min_length=1)] | None = None
    """The environment variable that has it."""
    file: FilePath | None = None
    """The file that has it and nothing else, relative to the job file; one line end after it is
    dropped."""
    key: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Where the secret is in `file`, which then is JSON: the keys of the objects on the way to it,
    from the outermost in."""
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The program that prints it, with its arguments; one line end after it is dropped. It
    is run again where the secret is refused."""

    @model_validator(mode="before")
    @classmethod
    def _no_secret(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError(f"a secret does not stand in a manifest; {_HOW}")  # noqa: TRY004 - pydantic collects ValueError
        return value

    @model_validator(mode="after")
    def _one_place(self) -> "SecretSpec":
        given = [one for one in (self.env, self.file, self.command) if one is not None]
        if len(given) != 1:
            raise ValueError(f"should say one place; {_HOW}")
        if self.key is not None and self.file is None:
            raise ValueError("key says where the secret is in a file, and needs file")
        return self


def is_secret(value: object) -> bool:
    """Tell whether a table of a manifest is that of a secret, whether right or not."""
    return isinstance(value, Mapping) and bool(SECRET_KEYS & value.keys())


def secret_or_plain(value: Any) -> Any:
    """Return a `SecretSpec` for the table of one, and anything else as it is."""
    return SecretSpec.model_validate(value) if is_secret(value) else value
