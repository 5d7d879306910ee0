"""Messages of NBD, the protocol of network block devices, as bytes; all numbers big-endian.

Fixed newstyle negotiation, simple and structured replies, the metadata context `base:allocation`.
Source: `doc/proto.md` of the NetworkBlockDevice project. Lengths from outside are held against
limits before anything is taken by them; what breaks a rule is an `NbdFormatError`.
"""
