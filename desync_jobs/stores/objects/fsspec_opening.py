"""From a manifest's place with any other URL to a live one, by fsspec.

A file is written as its file system writes: an object store keeps objects whole, while one that
writes in place (WebDAV, FTP, SMB) leaves a part of a file behind when it is killed. Nothing is
renamed into place, since few of them rename and some copy to do it. Chunks are held against their
IDs whenever they are read, so such a part is found and written again.
"""

from collections.abc import Mapping
from typing import Any, Final

from fsspec.core import get_filesystem_class, url_to_fs

from desync_jobs.errors import UsageError
from desync_jobs.stores.endpoint import Endpoint
from desync_jobs.stores.objects.calls import Calls
from desync_jobs.stores.objects.files_place import FilesPlace
from desync_jobs.stores.objects.fsspec_failures import failure_of
from desync_jobs.stores.objects.fsspec_files import FsspecFiles, Live

_REMEMBERS: Final = "use_listings_cache"


def open_place(endpoint: Endpoint) -> FilesPlace:
    """Open a place; the file system is made at first use, with its secrets.

    `UsageError` where fsspec knows no such URL, where the library for it is missing, and for a
    time limit that a file system cannot obey.
    """
    _check(endpoint)
    url = endpoint.location.text
    secrets = {
        key: endpoint.secret(one, f"secret_options.{key}")
        for key, one in endpoint.spec.secret_options.items()
    }

    def find() -> Mapping[str, Any]:
        return {
            **endpoint.spec.options,
            **{key: secret.read() for key, secret in secrets.items()},
        }

    def make(arguments: Mapping[str, Any]) -> Any:
        # Kept to ourselves, and nothing is remembered of what was there before.
        settings = {"skip_instance_cache": True, _REMEMBERS: False, **arguments}
        try:
            try:
                return url_to_fs(url, **settings)[0]
            except TypeError as error:
                if _REMEMBERS not in str(error):
                    raise
                # One that takes no other arguments than its own, such as that of WebDAV.
                return url_to_fs(url, skip_instance_cache=True, **arguments)[0]
        except (TypeError, ValueError) as error:
            raise UsageError(f"{endpoint.label}: {url}: {error}") from error

    live = Live(find, make)
    files = FsspecFiles(live, lambda one: str(one._strip_protocol(url)), endpoint.policy)  # noqa: SLF001 - what every file system has for it
    return FilesPlace(endpoint.name, url, files, calls_of(endpoint), live.renew_after)


def calls_of(endpoint: Endpoint) -> Calls:
    """Return what makes the calls of a place of fsspec."""
    calls = Calls(endpoint.label, endpoint.policy, endpoint.budget(), endpoint.stopper, failure_of)
    endpoint.at_end(calls.close)
    return calls


def _check(endpoint: Endpoint) -> None:
    scheme = endpoint.location.scheme
    try:
        found = get_filesystem_class(scheme)
    except ValueError:
        raise UsageError(f"{endpoint.label}: fsspec does not know {scheme}://") from None
    except ImportError as error:
        raise UsageError(f"{endpoint.label}: {scheme}:// needs another library: {error}") from error
    if not found.async_impl and endpoint.spec.policy.timeout is not None:
        raise UsageError(
            f"{endpoint.label}: policy.timeout: the file system of {scheme}:// takes its own time; "
            "leave it out"
        )
