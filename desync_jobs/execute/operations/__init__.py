"""One module an operation: its surveyor and its doer.

May import everything below `execute`. A surveyor changes nothing and returns facts; a doer
does what its step says and returns `Done` only when everything is complete and published.
"""
