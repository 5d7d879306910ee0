"""Encryption of chunks at rest, as desync does it."""

from typing import Literal

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.secrets import SecretSpec


class EncryptionSpec(Spec):
    """Encryption of every chunk of a store; IDs, sizes and indexes stay readable."""

    key: SecretSpec = SecretSpec(env="DESYNC_ENCRYPTION_KEY")
    """The key, 64 hexadecimal digits; by default the environment variable
    `DESYNC_ENCRYPTION_KEY` has it."""
    algorithm: Literal["xchacha20-poly1305", "aes-256-gcm"] = "xchacha20-poly1305"
    """The cipher, which the names of the chunk files show."""
