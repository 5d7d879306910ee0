"""What a registry keeps for one object: desync's artifact, written byte for byte as desync does.

A blob of the content and an image manifest of type `application/vnd.desync.chunk.v1`, tagged with
the last part of the object's name; its config is the empty JSON object that the OCI image
specification gives for artifacts without one.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final

MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
MANIFEST_SIZE_LIMIT: Final = 4 << 20
"""Bytes; what distribution's own registry takes at most."""
EMPTY_CONFIG: Final = b"{}"

_ARTIFACT_TYPE: Final = "application/vnd.desync.chunk.v1"
_EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
_CONTENT_TYPE: Final = "application/octet-stream"
_TITLE: Final = "org.opencontainers.image.title"
_SIZE_LIMIT: Final = 1 << 30
_DIGEST: Final = re.compile("sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


@dataclass(frozen=True, slots=True)
class Artifact:
    """The manifest of one object."""

    digest: str
    """Of the manifest itself."""
    blob: str = ""
    """The digest of the content."""
    size: int = 0
    """Bytes of the content, as the manifest says."""
    problem: str = ""
    """Why its content cannot be had, beginning with "its"; empty where nothing is wrong."""


def digest_of(data: bytes) -> str:
    """Return what a registry calls `data`: `sha256:44136fa3…`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def tag_of(name: str) -> str:
    """Return the tag of an object: the last part of its name."""
    return name.rpartition("/")[2]


def write_manifest(tag: str, blob: str, size: int) -> bytes:
    """Return the manifest of an object whose content has the digest `blob` and `size` bytes."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": _ARTIFACT_TYPE,
        "config": {
            "mediaType": _EMPTY_TYPE,
            "digest": digest_of(EMPTY_CONFIG),
            "size": len(EMPTY_CONFIG),
        },
        "layers": [{"mediaType": _CONTENT_TYPE, "digest": blob, "size": size}],
        "annotations": {_TITLE: tag},
    }
    return json.dumps(manifest, separators=(",", ":")).encode()


def read_manifest(data: bytes) -> Artifact | None:
    """Return what a manifest says; None for anything that is not one of desync's."""
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict) or manifest.get("artifactType") != _ARTIFACT_TYPE:
        return None
    digest = digest_of(data)
    layers = manifest.get("layers")
    if not isinstance(layers, list) or len(layers) != 1:
        return Artifact(digest, problem="its manifest does not have exactly one layer")
    return _with_content(digest, layers[0])


def _with_content(digest: str, layer: Any) -> Artifact:
    fields = layer if isinstance(layer, dict) else {}
    blob, size = fields.get("digest"), fields.get("size")
    if not isinstance(blob, str) or not _DIGEST.fullmatch(blob):
        return Artifact(digest, problem="its manifest names no blob")
    if type(size) is not int or not 0 < size <= _SIZE_LIMIT:
        shown = str(size)[:20] if type(size) in (int, float) else "no number"
        return Artifact(digest, problem=f"its manifest says that its size is {shown}")
    return Artifact(digest, blob, size)
