"""Tests and doubles for those who write stores, shipped with the program.

`StoreContract` is what every store must pass; `FaultyStore` fails where told; `MemoryStore`
keeps chunks in a dictionary, `MemoryPlace` objects. Needs pytest, may import `stores` and what is
below it.
Must not be imported by the program itself.
"""
