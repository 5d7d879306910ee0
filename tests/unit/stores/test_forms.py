import pytest

from desync_jobs.codecs.aead import Cipher, CipherAlgorithm
from desync_jobs.codecs.form import Form
from desync_jobs.errors import CodecError
from desync_jobs.stores.base import Chunk
from desync_jobs.stores.forms import ChunkForms, StoredForm
from desync_jobs.testing.chunks import make_chunk

CHUNK = make_chunk(b"some data")
DIGITS = CHUNK.id.hex()
CIPHER = Cipher(CipherAlgorithm.AES_256_GCM, bytes(range(32)))
SEAL = ".aes-256-gcm-630dcd29"


@pytest.mark.parametrize(
    ("forms", "suffixes"),
    [
        (ChunkForms(), [".cacnk", ""]),
        (ChunkForms(Form.PLAIN), ["", ".cacnk"]),
        (ChunkForms(reads_both=False), [".cacnk"]),
        (ChunkForms(layer=CIPHER), [f".cacnk{SEAL}", SEAL]),
        (ChunkForms(Form.PLAIN, reads_both=False, layer=CIPHER), [SEAL]),
    ],
)
def test_the_own_form_is_read_first_and_another_seal_never(
    forms: ChunkForms, suffixes: list[str]
) -> None:
    assert [form.suffix for form in forms.reads] == suffixes
    assert forms.own is forms.reads[0]
    assert [form.name(CHUNK.id) for form in forms.reads] == [
        f"{DIGITS[:4]}/{DIGITS}{suffix}" for suffix in suffixes
    ]


@pytest.mark.parametrize("layer", [None, CIPHER])
@pytest.mark.parametrize("form", [Form.ZSTD, Form.PLAIN])
def test_a_name_is_read_back_as_what_it_was_made_from(form: Form, layer: Cipher | None) -> None:
    forms = ChunkForms(form, layer=layer)
    for one in forms.reads:
        assert forms.parse(one.name(CHUNK.id)) == (CHUNK.id, one)


@pytest.mark.parametrize(
    "name",
    [
        DIGITS,
        f"{DIGITS}.cacnk",
        f"0000/{DIGITS}.cacnk",
        f"{DIGITS[:4]}/{DIGITS}.cacnk{SEAL}",
        f"{DIGITS[:4]}/{DIGITS}.tmp",
        f"{DIGITS[:4]}/{DIGITS[:-1]}",
        f"{DIGITS[:4]}/{DIGITS[:-1]}g",
        f"{DIGITS[:4]}/{DIGITS[:4]}/{DIGITS}",
        f"{DIGITS[:4].upper()}/{DIGITS.upper()}",
        f"{DIGITS[:3]}/{DIGITS}",
        "",
        "/",
    ],
)
def test_other_names_are_no_chunks(name: str) -> None:
    assert ChunkForms().parse(name) is None


def test_a_store_with_another_key_does_not_see_a_chunk() -> None:
    other = ChunkForms(layer=Cipher(CipherAlgorithm.AES_256_GCM, bytes(32)))

    assert other.parse(ChunkForms(layer=CIPHER).own.name(CHUNK.id)) is None


def test_what_was_read_compressed_is_not_compressed_again() -> None:
    fetched = Chunk(CHUNK.id, CHUNK.plain, b"as it was read", Form.ZSTD)

    assert ChunkForms().encode(fetched) == b"as it was read"
    assert ChunkForms(Form.PLAIN).encode(fetched) == CHUNK.plain


def test_xz_is_compressed_again_as_zstd() -> None:
    fetched = Chunk(CHUNK.id, CHUNK.plain, b"xz", Form.XZ)

    assert ChunkForms().encode(fetched)[:4] == b"\x28\xb5\x2f\xfd"


def test_a_sealed_chunk_is_compressed_first() -> None:
    chunk = make_chunk(b"a" * 10_000)
    sealed = ChunkForms(layer=CIPHER).encode(chunk)

    assert CIPHER.open(sealed) == ChunkForms().encode(chunk)
    assert len(sealed) < 100


def test_a_form_opens_what_its_layer_sealed_and_refuses_damage() -> None:
    form = StoredForm(Form.PLAIN, CIPHER)

    assert form.open(CIPHER.seal(b"data")) == b"data"
    assert StoredForm(Form.PLAIN).open(b"data") == b"data"
    with pytest.raises(CodecError):
        form.open(CIPHER.seal(b"data")[:-1])


def test_a_store_writes_zstd_or_plain() -> None:
    with pytest.raises(ValueError, match="zstd or plain chunks, not xz"):
        ChunkForms(Form.XZ)
