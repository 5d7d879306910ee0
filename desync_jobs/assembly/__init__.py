"""Blob ⇄ chunks: cutting a blob into chunks, and putting one together from an index.

May import `stores`, `report`, `formats`, `core`, `errors`. Must not know
manifests or plans: it is given values (an index, positions, a source) and does
that work with bounded memory: threads times one batch, whatever the blob's size.
Every published file is complete: temporary file, sync, rename, sync of the folder.
"""
