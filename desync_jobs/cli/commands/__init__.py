"""The commands, one a file, each imported only when it is used.

Every module has one public name, `command`, and is listed in `cli/table.py`.
May import the rest of `cli`, and `api` inside its function. Must not do work
itself: it translates arguments, and says what came of them.
"""
