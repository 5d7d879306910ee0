"""Servers that mean harm: sizes that are lies, bombs, and names that are options."""

import struct
from collections.abc import Callable

import pytest
import zstandard

from desync_jobs.codecs.aead import Cipher, CipherAlgorithm
from tests.servers.nginx import free_port
from tests.servers.scripted import Reply, scripted_server
from tests.servers.web import Web
from tests.vectors.inputs import ctr
from tests.workspace import Workspace

BLOB = ctr(200_000, b"hostile")
QUICK = {"attempts": 2, "backoff": "1ms"}
KEY = "ab" * 32
MAXIMUM_AT = 40
"""Where the largest size of a chunk is in an index."""


@pytest.fixture
def made(workspace: Workspace) -> Workspace:
    """An index of BLOB with chunks in the directory `store`."""
    workspace.make("blob", BLOB)
    return workspace


def larger_maximum(index: bytes) -> bytes:
    return index[:MAXIMUM_AT] + struct.pack("<Q", 1 << 62) + index[MAXIMUM_AT + 8 :]


def zeros_for_sizes(index: bytes) -> bytes:
    return index[:24] + bytes(24) + index[48:]


def no_rows(index: bytes) -> bytes:
    return index[:48]


@pytest.mark.parametrize("spoil", [larger_maximum, zeros_for_sizes, no_rows])
def test_an_index_from_elsewhere_that_lies_is_refused(
    made: Workspace, spoil: Callable[[bytes], bytes]
) -> None:
    lie = spoil((made / "blob.caibx").read_bytes())
    with scripted_server(otherwise=Reply(body=lie)) as server:
        url = f"{server.url}/x.caibx"
        ended = made.do("extract", index=url, target="out", stores=["store"])

    assert ended.summary == (4, "failed")
    assert ended.message.startswith(f"{url}: ")
    assert not (made / "out").exists()


def test_a_chunk_that_unpacks_to_a_gigabyte_is_invalid(made: Workspace) -> None:
    bomb = zstandard.ZstdCompressor(1).compress(bytes(1 << 30))
    chunk = made.index("blob.caibx").id(2).hex()
    web = Web(made / "store", lambda one, *_: Reply(body=bomb) if chunk in one.target else None)
    with scripted_server(otherwise=web) as server:
        made.places["web"] = {"url": server.url, "policy": QUICK}
        ended = made.do("extract", index="blob.caibx", target="out", stores=["web"])

    assert ended.summary == (4, "failed")
    assert f"store web: chunk {chunk} is invalid" in ended.message
    assert not (made / "out").exists()


def test_a_group_goes_from_a_dead_server_to_a_directory(made: Workspace) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    made.places["dead"] = {"url": dead, "policy": {"attempts": 1}}
    made.groups["any"] = {"members": ["dead", "store"]}
    ended = made.do("extract", index="blob.caibx", target="out", stores=["any"])

    assert ended.summary == (0, "done"), ended.message
    assert (made / "out").read_bytes() == BLOB
    assert ended.statistics["stores"]["dead"]["chunks"] == 0


def test_what_is_sent_is_compressed_first_and_sealed_then(
    made: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", KEY)
    with scripted_server(otherwise=Web(made / "remote")) as server:
        sealed = {"algorithm": "aes-256-gcm", "key": {"env": "KEY"}}
        made.places["web"] = {"url": server.url, "policy": QUICK, "encryption": sealed}
        ended = made.do("chop", index="blob.caibx", blob="blob", store="web")

    index = made.index("blob.caibx")
    plain = BLOB[: index.length(0)]
    cipher = Cipher(CipherAlgorithm.AES_256_GCM, bytes.fromhex(KEY))
    (body,) = {
        one.body
        for one in server.received
        if one.method == "PUT" and index.id(0).hex() in one.target
    }
    assert ended.summary == (0, "done"), ended.message
    assert zstandard.decompress(cipher.open(body)) == plain
