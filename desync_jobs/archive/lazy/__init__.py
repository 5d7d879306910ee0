"""Archives read in any order: a directory by the table at its end, a file by where its bytes are.

Nothing but what is asked for is read, so opening an archive takes no longer where it is larger, and
memory is that of what was used last. Every place that a table tells lies within its directory and
beside its entries' others, so there are no cycles, and a walk ends.
"""
