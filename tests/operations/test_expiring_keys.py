"""Keys that expire while a release is published: they are renewed, and never seen anywhere.

Each is good for 20 requests. `PUBLISH_MEBIBYTES=60` publishes for longer, with keys that are good
for two seconds instead.
"""

import os
from collections.abc import Callable
from pathlib import Path

from tests.blobs import blob
from tests.conftest import Run
from tests.servers.expiring import ExpiringKeys, expiring
from tests.servers.moto import running_moto
from tests.vectors.inputs import ctr

SECRET = "nobody-may-ever-see-this-0123456789abcdef"  # noqa: S105 - of a test
LONG = int(os.environ.get("PUBLISH_MEBIBYTES", "0"))
KEY_COMMAND = 'k=KEY$(od -An -N8 -tx1 /dev/urandom | tr -d " \\n"); echo $k | tee -a issued'

JOB = """\
version = 1

[stores.build]
url = "build"

[stores.public]
url = "{url}/chunks"
region = "us-east-1"
credentials = {{ access_key = {{ command = ["sh", "give-key"] }}, \
secret_key = {{ command = ["cat", "secret"] }} }}

[index_stores.images]
url = "{url}/images"
region = "us-east-1"
credentials = {{ access_key = {{ command = ["sh", "give-key"] }}, \
secret_key = {{ command = ["cat", "secret"] }} }}

[operations.release]
kind = "publish"
indexes = ["blob.caibx"]
stores = ["build"]
store = "public"
indexes_to = "{url}/images"
aliases = {{ "latest.caibx" = "blob.caibx" }}
head = "head.json"
"""


def seen_in_process_list(words: Callable[[], list[str]], found: list[str]) -> Callable[[], None]:
    """Return what looks for `words` in the command line of every process."""

    def look() -> None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            found.extend(word for word in words() if word in line)

    return look


def test_keys_are_renewed_in_the_middle_of_a_run_and_are_never_seen(
    tmp_path: Path, desync_run: Run
) -> None:
    (tmp_path / "blob").write_bytes(ctr(LONG << 20, b"long") if LONG else blob("random")[:200_000])
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "give-key").write_text(KEY_COMMAND)
    sizes = ["-m", "16:64:256"] if LONG else ["-m", "4:8:32"]
    desync_run("make", "-s", "build", *sizes, "blob.caibx", "blob")
    (tmp_path / "issued").touch()

    def secrets() -> list[str]:
        return [SECRET, *(tmp_path / "issued").read_text().split()]

    in_list: list[str] = []
    keys = ExpiringKeys(10**9 if LONG else 20, 2.0 if LONG else 3600.0)
    keys.watch = seen_in_process_list(secrets, in_list)
    with running_moto() as moto, expiring(moto, keys) as server:
        (tmp_path / "job.toml").write_text(JOB.format(url=server.place("").rstrip("/")))
        planned = desync_run("plan", "job.toml", "-o", "job.plan")
        locked = desync_run("lock", "job.toml")
        ended = desync_run("job.toml", "--events", "events", "--json")
        again = desync_run("job.toml", "--json")
    printed = b"".join(one.stdout + one.stderr for one in (planned, locked, ended, again)).decode()
    issued = secrets()[1:]
    kept = {
        path.name: path.read_text("utf-8", "replace")
        for path in tmp_path.iterdir()
        if path.is_file() and path.name not in {"issued", "secret", "blob"}
    }

    assert (planned.returncode, locked.returncode, ended.returncode) == (0, 0, 0), printed
    assert again.returncode == 0
    assert b'"unchanged"' in again.stdout
    assert keys.refused > 0
    assert len([one for one in issued if keys.used[one] > 1]) >= 4
    assert {"job.plan", "job.lock", "events", "job.toml"} <= kept.keys()
    for secret in secrets():
        assert secret not in printed
        assert [name for name, text in kept.items() if secret in text] == []
    assert in_list == []
