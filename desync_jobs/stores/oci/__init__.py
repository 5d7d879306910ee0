"""Chunks in an OCI registry, in desync's layout: one tagged artifact for each chunk.

`place` is an `ObjectPlace` over the distribution API, so forms, verification and counts are those
of every other store. May import `http`, `objects.base`, `policy`, `endpoint` and `secrets`. Must
not know chunks, nor send what it knows of a user anywhere but to the registry and its token server.
"""
