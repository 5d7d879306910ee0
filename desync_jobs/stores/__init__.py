"""Live chunk stores: one contract, one kind of place or wrapper a file.

May import `manifest`, `report`, `codecs`, `formats`, `core`, `errors`. Must not
decide what an operation does: a store answers for batches of chunk IDs and
keeps what it is given. Only `open.py` names concrete stores.
Stores are synchronous and safe to call from many threads at once.
"""
