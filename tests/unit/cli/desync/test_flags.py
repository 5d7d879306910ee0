"""Every flag of every command of desync 1.0.4 is one here."""

from collections.abc import Mapping
from importlib import import_module

import click
import pytest

from desync_jobs.cli.main import main
from desync_jobs.cli.table import module_of

GLOBAL = "--config --digest --verbose"
STORE = (
    "-n --concurrency --client-cert --client-key --ca-cert -t --trust-insecure -r --cache-repair "
    "-e --error-retry -b --error-retry-base-interval"
)
SERVER = (
    "-l --listen -w --writable --writeable --log --cert --key --mutual-tls --client-ca "
    "--authorization"
)
FLAGS: Mapping[str, str] = {
    "make": f"{STORE} -s --store -m --chunk-size --print-stats",
    "extract": f"{STORE} -s --store -c --cache --seed --seed-dir --skip-invalid-seeds "
    "--regenerate-invalid-seeds -k --in-place --print-stats",
    "verify-index": STORE,
    "mount-index": f"{STORE} -s --store -c --cache --store-file --cor-file --cor-state-save "
    "--cor-state-init --cor-init-n",
    "cat": f"{STORE} -s --store -c --cache -o --offset -l --length",
    "chunk": "-m --chunk-size -S --start",
    "tar": f"{STORE} -i --index -s --store -m --chunk-size --input-format --no-time "
    "--tar-add-root -x --one-file-system",
    "untar": f"{STORE} -i --index -s --store -c --cache --no-same-owner --no-same-permissions "
    "--output-format",
    "mtree": f"{STORE} -i --index -s --store -c --cache",
    "chunk-server": f"{STORE} {SERVER} -s --store -c --cache --store-file --skip-verify-read "
    "--skip-verify-write -u --uncompressed --encryption --encryption-key --encryption-algorithm",
    "index-server": f"{STORE} {SERVER} -s --store",
    "pull": "",
    "info": f"{STORE} -s --store --seed -c --cache -f --format --chunks-info",
    "inspect-chunks": f"{STORE} -s --store",
    "list-chunks": STORE,
    "verify": "-s --store -n --concurrency -r --repair",
    "cache": f"{STORE} -s --store -c --cache --ignore --ignore-chunks",
    "chop": f"{STORE} -s --store --ignore --ignore-chunks",
    "prune": f"{STORE} -s --store -y --yes",
}


@pytest.mark.parametrize("name", FLAGS)
def test_a_command_has_every_flag_that_it_has_in_desync(name: str) -> None:
    command: click.Command = import_module(module_of(name)).command
    known = {spelled for one in command.params for spelled in (*one.opts, *one.secondary_opts)}

    assert {*FLAGS[name].split(), *GLOBAL.split()} <= known


@pytest.mark.parametrize("given", ["-r", "-r=false", "--cache-repair=true"])
def test_a_repair_of_no_cache_is_taken_and_does_nothing(
    capfd: pytest.CaptureFixture[str], given: str
) -> None:
    main(["list-chunks", "i.caibx", "--print-manifest"])
    plain = capfd.readouterr().out

    assert main(["list-chunks", given, "i.caibx", "--print-manifest"]) == 0
    assert capfd.readouterr().out == plain
