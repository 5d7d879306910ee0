"""Leases: who writes to a store now, and who deletes from it, so that the two never meet.

Any number of writers, or one collector. A local store is locked by the kernel (`flock` on its
directory), which forgets those who die. Elsewhere a ledger of numbered objects is kept, each of
which is the whole state; the next one is made only by who makes it first. May import `errors`,
`manifest.capability`, `stores.objects.base` and `stores.policy`. Must not know chunks or plans.
"""
