"""Directory trees and tar streams ⇄ archives: what a file system has, as nodes, and their bytes.

May import `assembly`, `formats`, `report`, `core`, `errors`. Must not know manifests or plans. A
payload is never held, and memory is that of the largest directory on the way.
Files are reached through descriptors of their directories, so that nothing leads out of the tree.
What cannot be kept is an error or is told; nothing is lost in silence.
"""
