"""Who does the many batches of one step: threads of this process, or the workers of a cluster.

A doer says what is to be done with each batch (`Work`), and gets the results in the order of the
batches whoever did them; so it merges, tells and counts in the same way on every engine.
"""
