"""A real OCI registry, Docker's, in a directory of its own."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from desync_jobs.stores.oci.layout import MANIFEST_TYPE
from desync_jobs.testing.programs import require_program
from tests.servers.nginx import free_port, wait_for_port

_CONFIGURATION: Final = """
version: 0.1
log: {{ level: error }}
storage:
  filesystem: {{ rootdirectory: {directory}/data }}
  delete: {{ enabled: true }}
http:
  addr: 127.0.0.1:{port}
  secret: none
{more}
"""


@dataclass(frozen=True, slots=True)
class Registry:
    """A running registry."""

    server: str
    """Its name and port."""
    directory: Path

    def manifest(self, repository: str, tag: str) -> bytes:
        """Return a manifest, byte for byte, as another client sees it."""
        return self._read(f"/v2/{repository}/manifests/{tag}")

    def blob(self, repository: str, tag: str) -> bytes:
        """Return the content that the manifest of a tag names."""
        (layer,) = json.loads(self.manifest(repository, tag))["layers"]
        return self._read(f"/v2/{repository}/blobs/{layer['digest']}")

    def tags(self, repository: str) -> list[str]:
        return sorted(json.loads(self._read(f"/v2/{repository}/tags/list"))["tags"] or [])

    def file_of(self, digest: str) -> Path:
        """Return where a blob is kept."""
        algorithm, _, digits = digest.partition(":")
        blobs = self.directory / "data/docker/registry/v2/blobs"
        return blobs / algorithm / digits[:2] / digits / "data"

    def _read(self, path: str) -> bytes:
        connection = HTTPConnection(self.server)
        connection.request("GET", path, headers={"Accept": MANIFEST_TYPE})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        assert response.status == 200, content
        return content


@contextmanager
def running_registry(directory: Path, more: str = "") -> Iterator[Registry]:
    """Run a registry in `directory`; `more` ends its configuration, `http` being the last part."""
    program = require_program("docker-registry")
    directory.mkdir(parents=True)
    port = free_port()
    configuration = directory / "config.yml"
    configuration.write_text(_CONFIGURATION.format(directory=directory, port=port, more=more))
    with (
        open(directory / "log", "wb") as log,
        subprocess.Popen([program, "serve", str(configuration)], stdout=log, stderr=log) as process,
    ):
        try:
            wait_for_port(port, process)
            yield Registry(f"127.0.0.1:{port}", directory)
        finally:
            process.terminate()
