"""What a registry says it wants to see when it refuses a request: `WWW-Authenticate`, RFC 9110."""

import re
from dataclasses import dataclass, field
from typing import Final

_SCHEME: Final = re.compile(r"[\s,]*([A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]*)(?=[\s,]|$)")
_PARAMETER: Final = re.compile(
    r"[\s,]*([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]*))"
)
_ESCAPED: Final = re.compile(r"\\(.)")
_LONGEST: Final = 16 << 10
"""Characters that are looked at."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to show who one is."""

    scheme: str
    """In lower case: `basic`, `bearer`."""
    parameters: dict[str, str] = field(default_factory=dict)
    """By name in lower case."""

    @property
    def scopes(self) -> frozenset[str]:
        """What a token has to be good for, such as `repository:images/chunks:pull,push`."""
        return frozenset(self.parameters.get("scope", "").split())


def parse_challenges(header: str) -> list[Challenge]:
    """Return the challenges of one or several headers joined by commas; what is none is left out.

    Never fails: whoever sent nonsense is not understood.
    """
    found: list[Challenge] = []
    text = header[:_LONGEST]
    at = 0
    while at < len(text):
        parameter = _PARAMETER.match(text, at)
        if parameter is not None and found:
            name, quoted, bare = parameter.groups()
            value = bare if quoted is None else _ESCAPED.sub(r"\1", quoted)
            found[-1].parameters[name.lower()] = value
            at = parameter.end()
            continue
        scheme = _SCHEME.match(text, at)
        if scheme is None:
            break
        found.append(Challenge(scheme[1].lower()))
        at = scheme.end()
    return found
