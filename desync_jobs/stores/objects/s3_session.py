"""The clients of one bucket as it is asked now: made anew when keys or region turn out otherwise.

obstore retries nothing here: what is tried again, and when, is for the policy of the place. It
takes its time limit when a client is made, so bodies of different orders of size, whose limits
differ, are asked for by different clients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import obstore
from obstore.store import S3Store

from desync_jobs._version import __version__
from desync_jobs.errors import UsageError
from desync_jobs.stores.objects.s3_credentials import FindKeys, Keys
from desync_jobs.stores.objects.s3_failures import S3_ERRORS, Refusal, refusal_of
from desync_jobs.stores.policy.values import Policy

DEFAULT_REGION: Final = "us-east-1"
"""Of AWS, and what servers of others take for theirs."""
_AWS: Final = "https://s3.amazonaws.com"
_REGION_HEADER: Final = "x-amz-bucket-region"


@dataclass(frozen=True, slots=True)
class S3Options:
    """Everything about a bucket but who asks it."""

    label: str
    """How errors begin."""
    bucket: str
    policy: Policy
    endpoint: str | None = None
    """The URL of the server, with the bucket in its name where `bucket_in_host`; None for AWS."""
    bucket_in_host: bool = False
    region: str | None = None
    """None to find it out."""
    authorities: bytes | None = None
    """Certificates to trust besides the system's, in PEM."""
    trust_insecure: bool = False
    anonymous: bool = False


class Session:
    """Gives clients to who asks. Safe to use from many threads.

    Keys are looked up at first use, and once more whenever a request is refused.
    """

    def __init__(self, options: S3Options, find_keys: FindKeys) -> None:
        self._options = options
        self._find_keys = find_keys
        self._lock = Lock()
        self._generation = 0
        self._keys: Keys | None = None
        self._region = options.region
        self._clients: dict[float, S3Store] = {}

    def current(self, size: int = 0) -> tuple[int, S3Store]:
        """Return a client for bodies of at most `size` bytes, and a number of who asks."""
        with self._lock:
            if not self._generation:
                self._keys = self._look_up()
                self._generation = 1
            return self._generation, self._client(size)

    def renew(self, generation: int, refusal: Refusal) -> bool:
        """Tell whether there is another client than those of `generation`, which were refused."""
        with self._lock:
            if generation != self._generation:
                return True
            keys = self._look_up()
            region = self._region
            if region is None and keys == self._keys and refusal.is_elsewhere:
                region = refusal.region or self._find_region()
            if (keys, region) == (self._keys, self._region):
                return False
            self._keys, self._region = keys, region
            self._clients.clear()
            self._generation += 1
            return True

    def close(self) -> None:
        """Let go of the clients, whose connections end with them."""
        with self._lock:
            self._clients.clear()

    def _look_up(self) -> Keys | None:
        return None if self._options.anonymous else self._find_keys()

    def _client(self, size: int) -> S3Store:
        policy = self._options.policy
        limit = policy.timeout
        while limit < policy.time_for(size):
            limit *= 2
        if limit not in self._clients:
            self._clients[limit] = self._open(limit)
        return self._clients[limit]

    def _open(self, limit: float) -> S3Store:
        options = self._options
        client: dict[str, Any] = {
            "allow_http": options.endpoint is not None and options.endpoint.startswith("http:"),
            "allow_invalid_certificates": options.trust_insecure,
            "connect_timeout": timedelta(seconds=options.policy.connect_timeout),
            "read_timeout": timedelta(seconds=options.policy.timeout),
            "timeout": timedelta(seconds=limit),
            "user_agent": f"desync-run/{__version__}",
        }
        if options.authorities is not None:
            client["root_certificate"] = options.authorities
        # Said in full, since obstore takes from the environment what is not.
        config: dict[str, Any] = {
            "region": self._region or DEFAULT_REGION,
            "virtual_hosted_style_request": options.bucket_in_host,
            "skip_signature": options.anonymous,
            "disable_bulk_delete": True,
        }
        if options.endpoint is not None:
            config["endpoint"] = config["aws_endpoint_url_s3"] = options.endpoint
        try:
            return S3Store(
                options.bucket,
                config=config,  # type: ignore[arg-type]  # a TypedDict, with all of these keys
                client_options=client,  # type: ignore[arg-type]  # a TypedDict, with all of these
                retry_config={"max_retries": 0},
                credential_provider=_provider(self._keys),
            )
        except S3_ERRORS as error:
            reason = str(error).partition("\n")[0]
            raise UsageError(f"{options.label}: cannot be opened: {reason}") from error

    def _find_region(self) -> str | None:
        """Ask where the bucket is: by listing, whose refusal says so, or AWS by a header."""
        try:
            for _ in obstore.list(self._client(0), chunk_size=1):
                break
        except S3_ERRORS as error:
            refusal = refusal_of(error)
            if refusal is not None and refusal.region is not None:
                return refusal.region
        if self._options.endpoint is None:
            return bucket_region(f"{_AWS}/{self._options.bucket}", self._options.policy.timeout)
        return None


def _provider(keys: Keys | None) -> Callable[[], Any] | None:
    if keys is None:
        return None
    credential = {
        "access_key_id": keys.access_key,
        "secret_access_key": keys.secret_key,
        "token": keys.session_token,
        "expires_at": None,
    }
    return lambda: credential


def bucket_region(url: str, timeout: float) -> str | None:
    """Return the region that AWS says a bucket is in, whoever asks; None where it says none."""
    request = Request(url, method="HEAD")  # noqa: S310 - https, from this module
    try:
        with urlopen(request, timeout=timeout) as answer:  # noqa: S310 - as above
            said: str | None = answer.headers.get(_REGION_HEADER)
    except HTTPError as error:
        said = error.headers.get(_REGION_HEADER)
    except OSError:
        said = None
    return said
