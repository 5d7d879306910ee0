"""Stores behind `casync pull` (or `desync-run pull`) on another machine, over SSH.

The external program `ssh` connects, as for casync and desync, so that keys, agents, host
keys and configuration are the user's own. May import `formats`, `stores` and the standard
library. Reads only: the protocol has no other use for a store. Must not keep a session
after a failure, since nobody knows what is left in its pipes.
"""
