"""Plain chunk to stored form and back: zstd, xz, gzip, or as it is; and sealed or not.

May import `core`, `errors`, the standard library's codecs, zstandard, and where something is
encrypted cryptography and PyNaCl. Does no input or
output and starts no threads. Nothing is decoded past a limit, and nothing may follow what was
decoded. Coders are safe to call from many threads: each call borrows a context, so that there
are never more of them than calls at one time.
"""
