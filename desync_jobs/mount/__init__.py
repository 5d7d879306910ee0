"""Blobs and trees as file systems, through FUSE.

May import `assembly`, `archive` and what is below them, and mfusepy where something is mounted.
What is shown (a content: `image`, `tree`) knows nothing of how it is mounted (`session`): a content
answers questions about paths, from many threads, and raises `OSError` where there is no answer.
Read-only throughout. What goes wrong with a store is `EIO` for that read, and is told.
"""
