"""From a manifest's SFTP place to a live one.

Host keys, keys, agent, aliases and the port are those of the user's `~/.ssh`, as ssh reads them;
nothing is asked on a terminal. `CASYNC_SSH_PATH` does not apply: no program is run. What follows
the host in `sftp://user@host/directory` is an absolute path.
"""

from desync_jobs.stores.bridge import Bridge
from desync_jobs.stores.endpoint import Endpoint
from desync_jobs.stores.objects.calls import Calls
from desync_jobs.stores.objects.files_place import FilesPlace
from desync_jobs.stores.objects.sftp_files import SftpFiles
from desync_jobs.stores.objects.sftp_session import SftpOptions, SftpSession, failure_of


def open_place(endpoint: Endpoint) -> FilesPlace:
    """Open an SFTP place; nothing is connected yet."""
    location = endpoint.location
    policy = endpoint.policy
    options = SftpOptions(location.host, location.port, location.user, policy.connect_timeout)
    bridge, session = Bridge("sftp"), SftpSession(options)
    endpoint.at_end(lambda: bridge.close(session.close))
    files = SftpFiles(bridge, session, location.path, policy)
    calls = Calls(endpoint.label, policy, endpoint.budget(), endpoint.stopper, failure_of)
    endpoint.at_end(calls.close)
    # Keys are shown when connecting, and a connection that was refused is made anew each time.
    return FilesPlace(endpoint.name, location.text, files, calls, lambda _: False)
