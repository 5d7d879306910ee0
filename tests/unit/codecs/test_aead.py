"""Vectors: what desync wrote with the key 00..1f for the plain bytes `some data`."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desync_jobs.codecs.aead import Cipher, CipherAlgorithm, parse_key
from desync_jobs.errors import CodecError

KEY = bytes(range(32))
BOTH = list(CipherAlgorithm)
VECTORS = {
    CipherAlgorithm.XCHACHA20_POLY1305: (
        "03f8597bf07be84b342e51e9d15e3c2ed278a6a48b8183950344ef83ba9a46c155cf54db4cbbe55bf66f7604"
        "f5cd364a24"
    ),
    CipherAlgorithm.AES_256_GCM: (
        "88444162993d2495f4c44a389b6e9ac930c8370c2d0ef2208172500222e770a21f3c3b60c0"
    ),
}


@pytest.mark.parametrize("algorithm", BOTH)
def test_what_desync_sealed_is_opened(algorithm: CipherAlgorithm) -> None:
    opened = Cipher(algorithm, KEY).open(bytes.fromhex(VECTORS[algorithm]))

    assert opened == b"some data"


def test_the_suffix_names_algorithm_and_key_as_desync_does() -> None:
    secret = b"change this password to a secret"

    assert Cipher(CipherAlgorithm.AES_256_GCM, secret).suffix == ".aes-256-gcm-50d64035"
    assert Cipher(CipherAlgorithm.XCHACHA20_POLY1305, KEY).suffix == (
        ".xchacha20-poly1305-630dcd29"
    )


def test_ciphers_are_told_apart_by_algorithm_and_key_alone() -> None:
    """What desync compares, names show here: two ciphers are the same where their suffix is."""
    keys = [KEY, KEY[::-1], bytes(32)]
    suffixes = [Cipher(algorithm, key).suffix for algorithm in BOTH for key in keys]
    again = [Cipher(algorithm, bytes(key)).suffix for algorithm in BOTH for key in keys]

    assert len(set(suffixes)) == len(suffixes)
    assert again == suffixes


@pytest.mark.parametrize("algorithm", BOTH)
@pytest.mark.parametrize("plain", [b"x", bytes(70_000)])
def test_what_was_sealed_is_longer_and_comes_back(algorithm: CipherAlgorithm, plain: bytes) -> None:
    cipher = Cipher(algorithm, KEY)
    sealed = cipher.seal(memoryview(plain))

    assert len(sealed) == len(plain) + cipher.overhead
    assert cipher.open(memoryview(sealed)) == plain


@pytest.mark.parametrize("algorithm", BOTH)
def test_the_same_bytes_are_never_sealed_the_same(algorithm: CipherAlgorithm) -> None:
    cipher = Cipher(algorithm, KEY)

    assert cipher.seal(b"some data") != cipher.seal(b"some data")


def test_aes_gcm_is_what_others_call_so() -> None:
    sealed = Cipher(CipherAlgorithm.AES_256_GCM, KEY).seal(b"some data")

    assert AESGCM(KEY).decrypt(sealed[:12], sealed[12:], None) == b"some data"


@pytest.mark.parametrize("algorithm", BOTH)
def test_another_key_opens_nothing(algorithm: CipherAlgorithm) -> None:
    sealed = Cipher(algorithm, KEY).seal(b"some data")

    with pytest.raises(CodecError, match="damaged or sealed with another key"):
        Cipher(algorithm, bytes(32)).open(sealed)


@pytest.mark.parametrize("algorithm", BOTH)
def test_every_flipped_byte_is_noticed(algorithm: CipherAlgorithm) -> None:
    cipher = Cipher(algorithm, KEY)
    sealed = cipher.seal(b"data")
    for at in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[at] ^= 1
        with pytest.raises(CodecError):
            cipher.open(damaged)


@pytest.mark.parametrize("algorithm", BOTH)
def test_what_is_too_short_is_refused(algorithm: CipherAlgorithm) -> None:
    cipher = Cipher(algorithm, KEY)
    for length in (0, 1, cipher.overhead):
        with pytest.raises(CodecError, match="too short"):
            cipher.open(bytes(length))


@pytest.mark.parametrize("algorithm", BOTH)
@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_keys_of_other_lengths_are_refused(algorithm: CipherAlgorithm, length: int) -> None:
    with pytest.raises(ValueError, match=f"32 bytes, not {length}"):
        Cipher(algorithm, bytes(length))


def test_a_key_is_written_in_hexadecimal_digits() -> None:
    assert parse_key(KEY.hex()) == parse_key(f"{KEY.hex().upper()}\n") == KEY


@pytest.mark.parametrize("text", ["", "00", "g" * 64, "0" * 65, "0" * 62 + " 0", "secret"])
def test_a_key_that_is_none_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a key is 64 hexadecimal digits$") as caught:
        parse_key(text)
    assert caught.value.__cause__ is None


def test_a_cipher_does_not_show_its_key() -> None:
    assert repr(Cipher(CipherAlgorithm.AES_256_GCM, KEY)) == "Cipher('.aes-256-gcm-630dcd29')"
