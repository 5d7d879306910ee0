"""From the encryption that a manifest declares to the cipher that seals chunks."""

from typing import Final

from desync_jobs.codecs.aead import Cipher, CipherAlgorithm, parse_key
from desync_jobs.errors import UsageError
from desync_jobs.manifest.encryption import EncryptionSpec
from desync_jobs.stores.extras import need
from desync_jobs.stores.secrets import Secret

_EXTRA: Final = "encryption"
_LIBRARIES: Final = {
    CipherAlgorithm.AES_256_GCM: "cryptography",
    CipherAlgorithm.XCHACHA20_POLY1305: "nacl",
}


def open_cipher(spec: EncryptionSpec, key: Secret, label: str) -> Cipher:
    """Return the cipher of a place, called `label` in errors.

    The key is looked up now, because the names of chunks show which one it is. `UsageError` where
    it is no key, or where the library is missing.
    """
    algorithm = CipherAlgorithm(spec.algorithm)
    need(_LIBRARIES[algorithm], _EXTRA, f"{label}: encryption")
    try:
        return Cipher(algorithm, parse_key(key.value()))
    except ValueError as error:
        raise UsageError(f"{label}: encryption.key is none: {error}") from None
