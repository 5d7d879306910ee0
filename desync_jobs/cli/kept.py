"""What is kept of a directory tree, as options of commands: casync's words for it."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click

T = TypeVar("T")

TIMES: Final = ("sec-time", "usec-time", "nsec-time", "2sec-time")
"""Every granularity of times."""

with_features: Final = click.option(
    "--with",
    "with_features",
    multiple=True,
    metavar="FEATURE",
    help="Keep this of files, in casync's words (best, unix, xattrs); may be repeated.",
)
without_features: Final = click.option(
    "--without",
    "without_features",
    multiple=True,
    metavar="FEATURE",
    help="Leave this out (all, privileged, acl); may be repeated.",
)
no_time: Final = click.option("--no-time", is_flag=True, help="Leave out when files were changed.")


def left_out(without: Sequence[str], *, no_time: bool) -> list[str] | None:
    """Return what is left out, times among it; None for nothing."""
    return [*without, *(TIMES if no_time else ())] or None


@dataclass(frozen=True, slots=True)
class KeptOptions:
    """What was asked for."""

    with_features: tuple[str, ...]
    without_features: tuple[str, ...]
    no_time: bool
    one_file_system: bool
    exclude_file: bool
    exclude_nodump: bool

    def fields(self) -> dict[str, object]:
        """Return the keys of an operation that archives a directory; None where not asked for."""
        return {
            "with_features": list(self.with_features) or None,
            "without_features": left_out(self.without_features, no_time=self.no_time),
            "one_file_system": self.one_file_system or None,
            "exclude_file": None if self.exclude_file else False,
            "exclude_nodump": None if self.exclude_nodump else False,
        }


def kept_options(function: Callable[..., T]) -> Callable[..., T]:
    """Add the options of a command that archives a directory, which become its `kept`."""

    @with_features
    @without_features
    @no_time
    @click.option(
        "-x", "--one-file-system", is_flag=True, help="Leave out what something is mounted at."
    )
    @click.option(
        "--exclude-file/--no-exclude-file", default=True, help="Heed .caexclude files (default)."
    )
    @click.option(
        "--exclude-nodump/--no-exclude-nodump",
        default=True,
        help="Leave out files with the attribute d of chattr (default).",
    )
    @functools.wraps(function)
    def with_kept(**given: Any) -> T:
        names = KeptOptions.__dataclass_fields__
        kept = KeptOptions(**{name: given.pop(name) for name in names})
        return function(kept=kept, **given)

    return with_kept
