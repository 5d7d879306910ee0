"""Job and facts → plan: every step, its order, its cost and its reason.

May import `manifest`, `report` for words, `formats`, `core`, `errors`. Is pure: no clock, no
disk, no network, no environment. What it was not told in facts it does not know.

The package is not called `plan`, as the architecture first had it: a submodule of that name
would shadow the public function `desync_jobs.plan`.

Steps whose inputs an earlier step of the same job will change are `deferred`: they are planned by
these same functions, from fresh facts, when that step is done. Planning them from
what is there now would describe a run that never happens.
"""
