import os
from pathlib import Path

import pytest

from desync_jobs.manifest.stores import CacheSpec, StoreSpec
from desync_jobs.stores.cached import CachedStore
from desync_jobs.stores.open import open_source, open_store
from desync_jobs.stores.reader import Reader
from desync_jobs.stores.router import StoreRouter
from desync_jobs.testing.chunks import make_chunk
from desync_jobs.testing.memory import MemoryStore

CHUNK = make_chunk(bytes(1000))


@pytest.mark.parametrize("compression", ["zstd", "none"])
@pytest.mark.parametrize("url", ["my.castr", "../my.castr", "file://{}/my%20castr", "{}/x,y.castr"])
def test_a_spec_becomes_a_store_in_its_directory(
    reader: Reader, tmp_path: Path, compression: str, url: str
) -> None:
    job = tmp_path / "job"
    job.mkdir()
    spec = StoreSpec.model_validate({"url": url.format(tmp_path), "compression": compression})
    store = open_store("origin", spec, str(job), reader)
    assert sorted(os.listdir(tmp_path)) == ["job"]

    store.put([CHUNK])

    root = os.path.normpath(os.path.join(job, spec.path))
    suffix = "" if compression == "none" else ".cacnk"
    assert store.name == "origin"
    assert os.listdir(f"{root}/{CHUNK.id.hex()[:4]}") == [f"{CHUNK.id.hex()}{suffix}"]


def test_the_level_of_a_spec_is_used(reader: Reader, tmp_path: Path) -> None:
    chunk = make_chunk(b"".join(str(number * number).encode() for number in range(20000)))
    sizes = []
    for level in (1, 19):
        spec = CacheSpec(url=f"level-{level}", level=level)
        sizes.append(open_store("cache", spec, str(tmp_path), reader).put([chunk]).size)

    assert sizes[1] < sizes[0]


def test_one_store_is_its_own_source() -> None:
    store = MemoryStore("a")

    assert open_source([store]) is store


def test_several_stores_are_routed_and_a_cache_stands_in_front() -> None:
    stores = [MemoryStore("a"), MemoryStore("b")]

    routed = open_source(stores)
    cached = open_source(stores, MemoryStore("c"))

    assert isinstance(routed, StoreRouter)
    assert isinstance(cached, CachedStore)
    assert list(cached.counts()) == ["c", "a", "b"]
