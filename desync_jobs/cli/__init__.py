"""Arguments in, exit code out: the command `desync-run`.

May import everything, each command only when it is used. Must not decide
anything about data: a command makes a job and hands it to `api`.
The only package that prints, reads the environment, or handles signals.
"""
