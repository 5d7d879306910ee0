"""Leases: who writes to a store now, and who deletes from it, so that the two never meet.

Any number of writers, or one collector. A local store is locked by the kernel (`flock` on its
directory), which forgets those who die; what a server promised its clients, who live on, is kept in
a file until its time is over. Elsewhere a ledger of numbered objects is kept, each of which is the
whole state; the next one is made only by who makes it first. Where a server lets everybody be the
first, flags keep writers from collectors, as long as what was written is listed; notes of what was
published may be lost there, so listings must show it at once. Where else an index appears whose
place may not list it yet, collectors are told of it for a day: by lists in the store, which are
there before the index, and by the ledger. May import `errors`, `manifest.capability`,
`stores.objects` and `stores.policy`. Must not know chunks or plans.
"""
