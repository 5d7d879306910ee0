"""A place over the network as its driver gets it: location, policy, budgets, secrets, files."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from desync_jobs.manifest.limits import LimitsSpec
from desync_jobs.manifest.locations import Location
from desync_jobs.manifest.policy import PolicySpec
from desync_jobs.manifest.secrets import SecretSpec
from desync_jobs.manifest.stores import EndpointSpec
from desync_jobs.stores.policy.hosts import Budget, Hosts
from desync_jobs.stores.policy.values import Policy, Stopper
from desync_jobs.stores.secrets import Secret

_LIMITS: Final = ("deadline", "bandwidth", "requests_per_second")
"""Fields of a policy that can be switched off."""
_NO_LIMITS: Final = LimitsSpec()


def _nobody(_: str) -> None:
    """Tell nobody."""


def _never(_: Callable[[], None]) -> None:
    """Leave what is open to Python's collector."""


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """What a driver is opened with. `spec` says how `location` is asked, which may be below it."""

    name: str
    """What the manifest calls the place; errors say "store NAME"."""
    spec: EndpointSpec
    location: Location
    directory: str
    """Absolute; what relative paths are relative to."""
    policy: Policy
    hosts: Hosts
    stopper: Stopper
    notice: Callable[[str], None] = _nobody
    """Is told, in words, what the user should know about the place."""
    at_end: Callable[[Callable[[], None]], None] = _never
    """Is given what closes the place, which then waits for nobody."""

    @property
    def label(self) -> str:
        """How errors begin."""
        return f"store {self.name}"

    def budget(self) -> Budget:
        """Return the budget of this place on its host, or on its kind where it has none."""
        location = self.location
        port = "" if location.port is None else f":{location.port}"
        return self.hosts.budget(f"{location.host or location.scheme}{port}", self.policy)

    def path(self, text: str) -> str:
        """Return a path of the manifest as an absolute one."""
        return os.path.normpath(os.path.join(self.directory, text))

    def secret(self, spec: SecretSpec, key: str) -> Secret:
        """Return the secret of the manifest's `key`; it is looked up when it is used."""
        return Secret(spec, f"{self.label}: {key}", self.directory, self.stopper)


def policy_of(spec: PolicySpec, job: PolicySpec, limits: LimitsSpec = _NO_LIMITS) -> Policy:
    """Return what a place's `spec` says, else its job, else the default, as values.

    Whatever they say, no more is allowed a second than `limits` are.
    """
    said = {key: value for key, value in spec.over(job) if value is not None}
    for key, limit in (
        ("bandwidth", limits.max_bandwidth),
        ("requests_per_second", limits.max_requests_per_second),
    ):
        if limit is not None:
            said[key] = min(said.get(key, limit), limit)
    for key in _LIMITS:
        if said.get(key) == math.inf:
            said[key] = None
    return Policy(**said)
