"""Bytes to values and back: indexes and their feature flags, casync's protocol, journals.

May import `core`, `errors` and NumPy. Does no input or output, starts no threads.
Nothing read is trusted: what casync refuses is refused here, with the place in the bytes.
Values are views of the bytes they were read from wherever a view will do.
"""
