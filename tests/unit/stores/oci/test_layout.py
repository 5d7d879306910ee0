import json
from typing import Any

import pytest

from desync_jobs.stores.oci.layout import (
    Artifact,
    digest_of,
    read_manifest,
    tag_of,
    write_manifest,
)

BLOB = "sha256:" + "ab" * 32
TAG = "1c" * 32 + ".cacnk"


def changed(**fields: object) -> bytes:
    manifest: dict[str, Any] = json.loads(write_manifest(TAG, BLOB, 7))
    return json.dumps({**manifest, **fields}).encode()


def layer(**fields: object) -> bytes:
    return changed(layers=[{"digest": BLOB, "size": 7, **fields}])


def test_a_manifest_is_that_of_desync_byte_for_byte() -> None:
    empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

    assert write_manifest(TAG, BLOB, 7).decode() == (
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
        '"artifactType":"application/vnd.desync.chunk.v1",'
        '"config":{"mediaType":"application/vnd.oci.empty.v1+json",'
        f'"digest":"{empty}","size":2}},'
        f'"layers":[{{"mediaType":"application/octet-stream","digest":"{BLOB}","size":7}}],'
        f'"annotations":{{"org.opencontainers.image.title":"{TAG}"}}}}'
    )


def test_a_manifest_says_where_the_content_is_and_how_long() -> None:
    manifest = write_manifest(TAG, BLOB, 7)

    assert read_manifest(manifest) == Artifact(digest_of(manifest), BLOB, 7)


def test_the_tag_is_the_last_part_of_a_name() -> None:
    assert tag_of(f"1c1c/{TAG}") == TAG


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"garbage",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"1" * 100_000,
        changed(artifactType="application/vnd.other"),
        changed(artifactType=None),
    ],
    ids=str,
)
def test_what_is_not_of_desync_is_nothing(manifest: bytes) -> None:
    assert read_manifest(manifest) is None


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        (changed(layers=[]), "its manifest does not have exactly one layer"),
        (changed(layers=[{}, {}]), "its manifest does not have exactly one layer"),
        (changed(layers={}), "its manifest does not have exactly one layer"),
        (changed(layers=[7]), "its manifest names no blob"),
        (layer(digest="sha256:../../secret"), "its manifest names no blob"),
        (layer(digest="md5:" + "0" * 32), "its manifest names no blob"),
        (layer(size=0), "its manifest says that its size is 0"),
        (layer(size=-1), "its manifest says that its size is -1"),
        (layer(size=(1 << 30) + 1), "its manifest says that its size is 1073741825"),
        (layer(size=1.5), "its manifest says that its size is 1.5"),
        (layer(size=True), "its manifest says that its size is no number"),
        (layer(size="7"), "its manifest says that its size is no number"),
    ],
    ids=str,
)
def test_a_manifest_that_is_wrong_says_why_and_can_still_be_removed(
    manifest: bytes, problem: str
) -> None:
    assert read_manifest(manifest) == Artifact(digest_of(manifest), problem=problem)
