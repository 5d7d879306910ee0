"""The driver of `ssh://` places."""

import os
from typing import Final

from desync_jobs.errors import UsageError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.base import ChunkStore
from desync_jobs.stores.casync_ssh.command import SshPlace, pull_command
from desync_jobs.stores.casync_ssh.store import CasyncSshStore
from desync_jobs.stores.endpoint import Endpoint
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.reader import Reader

CAPABILITIES: Final = frozenset({Capability.READ})


def open_store(endpoint: Endpoint, reader: Reader, forms: ChunkForms) -> ChunkStore:
    """Open a store; connects with the first fetch. How chunks come is the server's choice."""
    del forms
    location = endpoint.location
    place = SshPlace(location.host, location.path, location.user or None, location.port)
    try:
        command = pull_command(place, os.environ)
    except ValueError as error:
        raise UsageError(f"{endpoint.label}: {error}") from error
    store = CasyncSshStore(
        endpoint.name, command, reader, endpoint.budget(), endpoint.policy, endpoint.stopper
    )
    endpoint.at_end(store.close)
    return store
