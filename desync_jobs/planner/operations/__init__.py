"""One module an operation: its facts, what it decides, and the detail its doer gets.

May import `manifest`, `formats`, `core`, `errors` and the planner's values. Must not read
the world: `plan_…` functions are given facts and return a `Decision`, or raise the
error that says why the operation cannot be done.
"""
