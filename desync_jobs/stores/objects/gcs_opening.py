"""From a manifest's Google Cloud Storage place to a live one.

Who asks: the file of `credentials`, nobody where it says `anonymous`, else what Google's tools
use (`GOOGLE_APPLICATION_CREDENTIALS`, gcloud's login, the machine's account).
`STORAGE_EMULATOR_HOST` names another server. Proxies are those of the environment.
"""

import logging
import os
import warnings
from collections.abc import Mapping
from typing import Any, Final

from desync_jobs.errors import UsageError
from desync_jobs.stores.endpoint import Endpoint
from desync_jobs.stores.extras import need
from desync_jobs.stores.objects.files_place import FilesPlace
from desync_jobs.stores.objects.fsspec_files import Live
from desync_jobs.stores.objects.fsspec_opening import calls_of
from desync_jobs.stores.objects.gcs_files import GcsFiles

_NO_PROBE: Final = "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"
"""Without it gcsfs asks every bucket by gRPC what kind it is, which takes a minute where that is
blocked, as by a proxy, and with an emulator."""


def open_place(endpoint: Endpoint) -> FilesPlace:
    """Open a place; nothing is sent yet, and no secret looked up."""
    os.environ.setdefault(_NO_PROBE, "false")  # read when gcsfs is imported
    gcsfs = need("gcsfs", "gcs", f"{endpoint.label}: gs")
    logging.getLogger("gcsfs").addHandler(logging.NullHandler())  # what failed is told once, by us
    credentials = endpoint.spec.credentials
    file = None if credentials is None else credentials.file
    path = None if file is None else endpoint.path(file)
    anonymous = credentials is not None and credentials.anonymous

    def find() -> Mapping[str, Any]:
        if path is None:
            return {"token": "anon" if anonymous else None}
        try:
            return {"token": path, "stamp": os.stat(path).st_mtime_ns}
        except OSError as error:
            what = f"{endpoint.label}: credentials.file"
            raise UsageError(f"{what}: {path} cannot be read: {error.strerror}") from error

    def make(arguments: Mapping[str, Any]) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that no project is set, which only buckets need
            return gcsfs.GCSFileSystem(
                token=arguments["token"],
                session_kwargs={"trust_env": True},
                skip_instance_cache=True,
                use_listings_cache=False,
            )

    live = Live(find, make)
    location = endpoint.location
    files = GcsFiles(live, location.bucket, location.path, endpoint.policy)
    return FilesPlace(endpoint.name, location.text, files, calls_of(endpoint), live.renew_after)
