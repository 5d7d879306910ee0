"""From a job back to its manifest: what `--print-manifest` shows.

Keys that have their default are left out. What is read from the text is the same
job: `${` in a value, which can only have come from an escape, is escaped again.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from desync_jobs.errors import UsageError
from desync_jobs.manifest.job import JobSpec
from desync_jobs.manifest.variables import literal

_ORDER: Final = (
    "version",
    "name",
    "description",
    "keep_going",
    "index_digest",
    "engine",
    "policy",
    "variables",
    "stores",
    "failover_groups",
    "caches",
    "index_stores",
)
_OPERATION_ORDER: Final = ("kind", "description")


def job_document(spec: JobSpec) -> dict[str, Any]:
    """Return the document of a manifest that says `spec`, in a readable order of keys."""
    dumped = spec.model_dump(mode="json", exclude_defaults=True, exclude={"engine"})
    # Workers that were asked for are kept even where this machine has as many cores.
    engine = spec.engine.model_dump(exclude_unset=True, exclude=_engine_default(spec))
    if engine:
        dumped["engine"] = engine
    document = {
        key: value if key == "variables" else literal(value)
        for key, value in _first(_ORDER, dumped).items()
    }
    document["operations"] = {
        name: _last("after", _first(_OPERATION_ORDER, fields))
        for name, fields in document["operations"].items()
    }
    return document


def _engine_default(spec: JobSpec) -> set[str]:
    return {"kind"} if spec.engine.kind == "local" else set()


def manifest_text(spec: JobSpec) -> str:
    """Return the TOML of a manifest that says `spec`.

    `UsageError` where a path has bytes that are not UTF-8: files may have such names, and
    commands take them, but no manifest can hold them.
    """
    import tomli_w

    text = tomli_w.dumps(job_document(spec))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        line = text[: error.end].splitlines()[-1].partition(" = ")[0]
        raise UsageError(
            f"{line}: not UTF-8, which a job file has to be; rename the file, or use the command"
        ) from error
    return text


def _first(keys: Iterable[str], table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: table[key] for key in keys if key in table} | dict(table)


def _last(key: str, table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != key} | {
        name: value for name, value in table.items() if name == key
    }
