"""Tar streams: bytes to members and back, in every format that GNU tar and bsdtar write.

May import `core`, `errors` and the standard library. Does no input or output: who reads gives a
function. Nothing read is trusted: what cannot be right is refused, with the place in the stream.
Python's own `tarfile` is not used: it takes a damaged header for the end of the archive, has times
as floating-point numbers, and its recursion and memory follow what a stream claims.
"""
