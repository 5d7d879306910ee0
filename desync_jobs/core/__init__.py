"""Bytes and numbers: chunk IDs, chunk sizes, cut points, digests, segments.

May import `errors`, NumPy and hashlib. Does no input or output, starts no
threads, reads no environment. Every function is pure and safe to call from
many threads; the hot ones release the interpreter lock.
"""
