"""Reading the world into facts, and doing what the plan says.

May import everything below it. Must not decide: what to do is in the step, and a
doer that finds the world otherwise than its step says fails instead of choosing anew.
Operations run one after the other, each with all threads: every one of them can fill the machine
by itself, and memory stays that of one.
"""
