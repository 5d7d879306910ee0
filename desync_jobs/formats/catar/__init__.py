"""Archives of directory trees, as casync keeps them: bytes to values and back.

May import `core`, `errors`, other formats and NumPy. Does no input or output, starts no threads.
A payload is never held: it passes as pieces, and memory is that of the largest record.
Nothing read is trusted: what casync refuses is refused, with the place in the archive.
"""
