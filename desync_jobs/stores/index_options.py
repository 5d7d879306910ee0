"""How an index with a URL is asked for: as the declared place says that is nearest above it."""

from collections.abc import Mapping
from dataclasses import replace

from desync_jobs.manifest.locations import Location
from desync_jobs.manifest.stores import EndpointSpec, IndexStoreSpec


def options_for(
    location: Location, declared: Mapping[str, EndpointSpec]
) -> tuple[str, EndpointSpec]:
    """Return the name and spec among `declared` whose URL is the longest beginning of `location`.

    Scheme, user, host, port, bucket and what follows a `?` have to be the same, and paths are
    compared part by part. Where there is none, the defaults, under the name of the host.
    """
    best: tuple[int, str, EndpointSpec] | None = None
    for name, spec in declared.items():
        other = spec.location
        if _server(other) == _server(location) and _is_above(other.path, location.path):
            length = len(other.path.strip("/"))
            if best is None or length > best[0]:
                best = length, name, spec
    if best is None:
        return location.host or location.bucket or location.scheme, IndexStoreSpec(
            url=location.text
        )
    return best[1], best[2]


def _server(location: Location) -> Location:
    """Return where it is but for the path."""
    return replace(location, text="", path="")


def _is_above(path: str, below: str) -> bool:
    above = path.strip("/")
    return not above or f"{below.strip('/')}/".startswith(f"{above}/")
