"""Where a command means something else to desync, in a sentence each for whoever moves over."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

_OF_COMMANDS: Final[Mapping[str, str]] = {
    "make": (
        "Interrupted, this ends with 130 or 143 and writes no index; desync may end with 0 and an "
        "index whose chunks are not all stored."
    ),
    "tar": (
        'This keeps what casync keeps, names and ACLs too; dialect = "desync" keeps what desync '
        "does."
    ),
    "extract": (
        "Interrupted, this ends with 130 or 143 and leaves what was there; desync ends with 0 and "
        "what it has so far."
    ),
    "cache": "Interrupted, this ends with 130 or 143; desync ends with 0.",
    "chop": "Interrupted, this ends with 130 or 143; desync ends with 0.",
    "verify": "Where a chunk is damaged, this ends with 4; desync ends with 0.",
    "verify-index": "Where the blob is another one, this ends with 4; desync ends with 1.",
    "untar": (
        "A directory where the archive has a file is an error without replace = true; desync "
        "removes it with all that is in it."
    ),
    "mtree": 'This prints casync\'s words; style = "desync" prints those of desync.',
    "prune": (
        "A job asks nobody. Instead it removes nothing where an index cannot be read, and not more "
        'than limits.max_deletion_share of the store; grace = "2d" gives time to change your mind.'
    ),
    "chunk-server": (
        "What clients send is held against its ID unless verify_writes = false; desync takes "
        "whatever they send."
    ),
}

_BOTH_FORMS: Final = (
    "This removes compressed and plain chunks that no index needs, whichever way the store is "
    'written to; desync removes those of its setting alone, as reads = "own" of a store does.'
)
_SECRETS: Final = {
    "--authorization": "DESYNC_HTTP_AUTH",
    "--encryption-key": "DESYNC_ENCRYPTION_KEY",
}
"""Options that a job file has no place for, with the variables that it refers to instead."""
_LISTENS: Final = frozenset({"-l", "--listen"})
_WAITS: Final = ("-b", "--error-retry-base-interval")


def differences(command: str, arguments: Sequence[str]) -> Iterator[str]:
    """Yield what is different about a command with these arguments."""
    if command in _OF_COMMANDS:
        yield _OF_COMMANDS[command]
    if command == "prune":
        yield _BOTH_FORMS
    pairs = zip(("", *arguments), arguments, strict=False)
    if any("," in one and not _LISTENS.intersection((before, _name(one))) for before, one in pairs):
        yield "A comma is a part of a place here; desync takes what is before and after it for two."
    for option, variable in _SECRETS.items():
        if option in map(_name, arguments):
            yield f"Set {variable} in the environment to what {option} has on the command line."
    if any(argument.startswith(_WAITS) for argument in arguments):
        yield (
            "Waits between attempts are doubled each time, and partly random; those of desync grow "
            "by the same time each."
        )


def _name(argument: str) -> str:
    return argument.partition("=")[0]
