"""What a run says while it works: events, and the ways to show them.

May import `core`, `errors` and, where they are shown, rich. Must not decide or
change anything: a run with a `SilentReporter` does exactly the same.
Reporters are called from many threads.
"""
