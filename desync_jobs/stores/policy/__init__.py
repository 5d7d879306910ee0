"""The one policy of retries, waits and limits, and what obeys it for every remote place.

Attempts, back-off with jitter, `Retry-After`, time limits, requests in flight, bandwidth and
request rate mean the same for each protocol. May import `errors` and the standard
library. Must not know any protocol, and must not wait in a way that cannot be stopped.
"""
