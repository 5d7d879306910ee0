"""Clusters that are asked by TLS, with certificates that somebody issued."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from distributed.security import Security

from desync_jobs.api import run
from desync_jobs.errors import ClusterError
from desync_jobs.execute.result import Result
from desync_jobs.manifest.load import job_from_document
from tests.servers.certificates import Authority
from tests.servers.dask import running_scheduler, running_worker, wait_for_workers
from tests.workspace import Workspace, chunk_files


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def scheduler(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of one with a worker."""
    cert, key = authority.server_files(tmp_path_factory.mktemp("server"))
    options = ("--tls-ca-file", authority.file, "--tls-cert", cert, "--tls-key", key)
    with ExitStack() as stack:
        started = stack.enter_context(running_scheduler(*options, transport="tls"))
        stack.enter_context(running_worker(started.url, *options))
        wait_for_workers(
            started.url,
            1,
            Security(tls_ca_file=authority.file, tls_client_cert=cert, tls_client_key=key),
        )
        yield started.url


def verified(workspace: Workspace, **engine: Any) -> Result:
    document = {
        "version": 1,
        "engine": {"kind": "dask", **engine},
        "stores": {"store": {"url": "store"}},
        "operations": {"check": {"kind": "verify", "store": "store"}},
    }
    return run(job_from_document(document, os.fspath(workspace.path), "job"))


def of(authority: Authority) -> dict[str, str]:
    return {
        "tls_ca": authority.file,
        "tls_cert": authority.client_cert,
        "tls_key": authority.client_key,
    }


def test_a_cluster_is_asked_with_the_certificates_of_the_job(
    workspace: Workspace, scheduler: str, authority: Authority
) -> None:
    workspace.make("blob", b"some content" * 4096)
    result = verified(workspace, scheduler=scheduler, **of(authority))

    assert result.exit_code == 0
    assert result.outcomes[0].statistics["chunks"] == len(chunk_files(workspace / "store"))


def test_a_scheduler_that_another_authority_vouches_for_gets_nothing(
    workspace: Workspace, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desync_jobs.execute.engines.cluster._CONNECT", 1)
    workspace.make("blob", b"some content" * 4096)
    other = of(Authority(tmp_path / "other"))

    with pytest.raises(ClusterError, match=r"no scheduler answers at tls://.*certificate"):
        verified(workspace, scheduler=scheduler, **other)


def test_certificates_that_are_none_are_named(workspace: Workspace, scheduler: str) -> None:
    workspace.make("blob", b"some content" * 4096)
    names = dict.fromkeys(("tls_ca", "tls_cert", "tls_key"), "blob.caibx")

    with pytest.raises(ClusterError, match=r"tls_ca, tls_cert and tls_key cannot be used: "):
        verified(workspace, scheduler=scheduler, **names)
