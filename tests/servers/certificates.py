"""Certificates for servers and clients of tests."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


class Authority:
    """A certificate authority with its files."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.ca = trustme.CA()
        self.file = str(directory / "ca.pem")
        self.ca.cert_pem.write_to_path(self.file)
        self.client_cert = str(directory / "client.pem")
        self.client_key = str(directory / "client.key")
        client = self.ca.issue_cert("client@example.org")
        client.cert_chain_pems[0].write_to_path(self.client_cert)
        client.private_key_pem.write_to_path(self.client_key)

    def server_files(self, directory: Path, host: str = "127.0.0.1") -> tuple[str, str]:
        """Write a server's certificate and its key, and return their paths."""
        issued = self.ca.issue_cert(host)
        cert, key = str(directory / "server.pem"), str(directory / "server.key")
        issued.cert_chain_pems[0].write_to_path(cert)
        issued.private_key_pem.write_to_path(key)
        return cert, key

    def server(
        self, host: str = "localhost", *, asks_for: str | None = None, days: int = 1
    ) -> ssl.SSLContext:
        """Return what a server for `host` has, valid for so many days from now."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        now = datetime.now(UTC)
        ends = now + timedelta(days=days)
        begins = min(now, ends) - timedelta(days=1)
        self.ca.issue_cert(host, not_before=begins, not_after=ends).configure_cert(context)
        if asks_for is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(asks_for)
        return context
