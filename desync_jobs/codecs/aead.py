"""Encrypted chunks as desync keeps them: nonce, ciphertext, tag, with nothing bound to the name.

The key is 32 bytes as they are; a store's files end in `.ALGORITHM-KEYID`, the key's ID being the
first four bytes of its SHA-256, so that chunks of different keys live side by side. The ID of
a chunk stays the digest of its plain bytes, which is also what ties a ciphertext to its name.

AES-256-GCM is OpenSSL's (cryptography), XChaCha20-Poly1305 libsodium's (PyNaCl).
"""

import hashlib
import os
from enum import Enum
from typing import Final, Protocol

from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import CodecError

KEY_SIZE: Final = 32
_KEY_ID_SIZE: Final = 4
_TAG_SIZE: Final = 16


class CipherAlgorithm(Enum):
    """How a store is encrypted; the value is its name in manifests and in file names."""

    XCHACHA20_POLY1305 = "xchacha20-poly1305"
    AES_256_GCM = "aes-256-gcm"


class _Aead(Protocol):
    """One algorithm with one key."""

    nonce_size: int

    def seal(self, nonce: bytes, data: bytes) -> bytes: ...
    def open(self, nonce: bytes, data: bytes) -> bytes | None: ...


class Cipher:
    """Seals and opens stored chunks with one key. Safe to call from many threads.

    Raises `ValueError` for a key that has not 32 bytes, `ImportError` without the library.
    """

    def __init__(self, algorithm: CipherAlgorithm, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise ValueError(f"a key has {KEY_SIZE} bytes, not {len(key)}")
        key_id = hashlib.sha256(key).digest()[:_KEY_ID_SIZE].hex()
        self.suffix: Final = f".{algorithm.value}-{key_id}"
        """How the names of files sealed with this key end."""
        self._aead: _Aead = (
            _AesGcm(key) if algorithm is CipherAlgorithm.AES_256_GCM else _XChaCha(key)
        )

    @property
    def overhead(self) -> int:
        """How many bytes longer a sealed chunk is."""
        return self._aead.nonce_size + _TAG_SIZE

    def seal(self, data: BytesLike) -> bytes:
        """Return `data` encrypted under a random nonce."""
        nonce = os.urandom(self._aead.nonce_size)
        return nonce + self._aead.seal(nonce, bytes(data))

    def open(self, data: BytesLike) -> bytes:
        """Return what was sealed; `CodecError` where it is damaged or the key is another."""
        if len(data) <= self.overhead:
            raise CodecError("it is too short to be encrypted")
        size = self._aead.nonce_size
        plain = self._aead.open(bytes(data[:size]), bytes(data[size:]))
        if plain is None:
            raise CodecError("it cannot be decrypted: it is damaged or sealed with another key")
        return plain

    def __repr__(self) -> str:
        return f"Cipher({self.suffix!r})"


def parse_key(text: str) -> bytes:
    """Return the key of 64 hexadecimal digits; `ValueError` for anything else, which it hides."""
    digits = text.strip()
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        key = b""
    if len(digits) != 2 * KEY_SIZE or len(key) != KEY_SIZE:
        # Not chained: the other error would show a part of the key.
        raise ValueError(f"a key is {2 * KEY_SIZE} hexadecimal digits") from None
    return key


class _AesGcm:
    nonce_size = 12

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._key = AESGCM(key)

    def seal(self, nonce: bytes, data: bytes) -> bytes:
        return self._key.encrypt(nonce, data, None)

    def open(self, nonce: bytes, data: bytes) -> bytes | None:
        from cryptography.exceptions import InvalidTag

        try:
            return self._key.decrypt(nonce, data, None)
        except InvalidTag:
            return None


class _XChaCha:
    nonce_size = 24

    def __init__(self, key: bytes) -> None:
        from nacl import bindings

        self._key = key
        self._seal = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt
        self._open = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt

    def seal(self, nonce: bytes, data: bytes) -> bytes:
        sealed: bytes = self._seal(data, None, nonce, self._key)
        return sealed

    def open(self, nonce: bytes, data: bytes) -> bytes | None:
        from nacl.exceptions import CryptoError

        try:
            plain: bytes = self._open(data, None, nonce, self._key)
        except CryptoError:
            return None
        return plain
