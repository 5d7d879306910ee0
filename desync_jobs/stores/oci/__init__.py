"""Chunks in an OCI registry, in desync's layout: one tagged artifact for each chunk.

`place` is an `ObjectPlace` over the distribution API, so forms, verification and counts are those
of every other store. May import `http`, `objects.base`, `policy`, `layout`, `endpoint` and what
reads secrets. Must not know more of chunks than their names, nor send what it knows of a user
anywhere but to the registry and its token server.

On one machine of two cores, shared with others and with the registry (Docker's, 2.8.2), 1000 chunks
of 64 KiB took 9.9 s to put, 4.4 s to fetch and 1.5 s to look for; nearly all of it was waiting.
"""
