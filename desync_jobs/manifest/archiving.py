"""What a `tar` is about: one tree, from a directory or a tar stream, and one output."""

from collections.abc import Iterator
from typing import Final

from desync_jobs.manifest.base import Found
from desync_jobs.manifest.operations.tar import Dialect, TarSpec

_NOT_DESYNCS: Final = {
    "with_features": "desync's dialect always claims the same; say without_features, or leave it",
    "exclude_file": "desync heeds no such files; leave it out",
    "exclude_nodump": "desync heeds no such attribute; leave it out",
}
_OF_STREAMS: Final = ("add_root", "max_expansion")


def archiving_problems(spec: TarSpec) -> Iterator[Found]:
    """Yield what is wrong with the keys of `spec` together."""
    yield from _sources(spec)
    if (spec.archive is None) == (spec.index is None):
        yield (), "give either archive, or index with a store"
    elif spec.archive is not None and spec.store is not None:
        yield ("store",), "keeps the chunks of an index; give index"
    given = spec.model_fields_set
    if spec.dialect is Dialect.DESYNC:
        for key, message in _NOT_DESYNCS.items():
            if key in given and getattr(spec, key):
                yield (key,), message


def _sources(spec: TarSpec) -> Iterator[Found]:
    if (spec.directory is None) == (spec.tar_stream is None):
        yield (), "give either directory or tar_stream"
        return
    given = spec.model_fields_set
    if spec.tar_stream is None:
        for key in _OF_STREAMS:
            if key in given:
                yield (key,), "is about tar streams; give tar_stream"
    elif spec.one_file_system:
        yield ("one_file_system",), "is about directories; a tar stream has one tree"
