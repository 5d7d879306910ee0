import pytest
import zstandard

from desync_jobs.codecs.aead import Cipher, CipherAlgorithm
from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.kernel import best
from desync_jobs.errors import ChunkInvalidError
from desync_jobs.server.wire import Wire
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.chunks import make_chunk, make_chunks

CHUNK = make_chunks(1)[0]
CIPHER = Cipher(CipherAlgorithm.XCHACHA20_POLY1305, bytes(32))


def wire(form: Form = Form.ZSTD, layer: Cipher | None = None) -> Wire:
    forms = ChunkForms(form, reads_both=False, layer=layer)
    return Wire(forms, Reader(best(), (DigestAlgorithm.SHA512_256,), limit=1 << 20))


@pytest.mark.parametrize("form", [Form.ZSTD, Form.PLAIN])
@pytest.mark.parametrize("layer", [None, CIPHER])
def test_what_is_sent_is_taken_back(form: Form, layer: Cipher | None) -> None:
    here = wire(form, layer)

    assert bytes(here.decode(CHUNK.id, here.encode(CHUNK)).plain) == CHUNK.plain
    assert here.sealed is (layer is not None)
    assert len(here.encode(CHUNK)) <= here.body_limit


@pytest.mark.parametrize("form", [Form.ZSTD, Form.PLAIN])
@pytest.mark.parametrize("layer", [None, CIPHER])
@pytest.mark.parametrize("body", [b"", b"garbage", b"\x28\xb5\x2f\xfd", b"x" * 100])
def test_what_is_not_the_chunk_is_refused(form: Form, layer: Cipher | None, body: bytes) -> None:
    with pytest.raises(ChunkInvalidError) as caught:
        wire(form, layer).decode(CHUNK.id, body)

    assert caught.value.chunk_id == CHUNK.id


def test_another_key_opens_nothing() -> None:
    other = Cipher(CipherAlgorithm.XCHACHA20_POLY1305, bytes([1] * 32))
    body = wire(layer=other).encode(CHUNK)

    with pytest.raises(ChunkInvalidError):
        wire(layer=CIPHER).decode(CHUNK.id, body)


def test_a_body_that_unpacks_to_too_much_is_refused() -> None:
    large = make_chunk(bytes((1 << 20) + 1))

    with pytest.raises(ChunkInvalidError):
        wire().decode(large.id, zstandard.compress(bytes(large.plain)))


def test_what_is_compressed_already_is_passed_on() -> None:
    here = wire()
    body = zstandard.compress(bytes(CHUNK.plain), 19)

    assert here.encode(here.decode(CHUNK.id, body)) == body
