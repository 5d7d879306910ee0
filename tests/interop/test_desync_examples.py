"""Every command of the examples in desync's README, with this program in its place.

Those of one machine are carried out, with servers where they name hosts. All are understood.
"""

import getpass
import json
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from desync_jobs.cli.main import main
from desync_jobs.formats.index import parse_index
from desync_jobs.testing.programs import require_program
from tests.interop.desync_examples import EXAMPLES
from tests.interop.desync_site import BLOBS, Site, make_kit, program_in, web_server
from tests.mounts.mounting import require_fuse, waited_for
from tests.servers.certificates import Authority
from tests.servers.moto import running_moto
from tests.servers.nginx import free_port
from tests.servers.own import OwnServer, path_of
from tests.servers.s3_places import ENVIRONMENT, S3Server
from tests.servers.sftp_places import make_home
from tests.servers.sshd import Sshd, running_sshd
from tests.workspace import ids_of

SERVES = "listening on "
MOUNTED = "mounted at "


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_kit(tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return program_in(tmp_path_factory.mktemp("program") / "bin")


@pytest.fixture
def site(kit: Path, program: Path, tmp_path: Path, environment: Mapping[str, str]) -> Site:
    """A machine without anything on it, that knows no hosts."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {key: value for key, value in environment.items() if key[:3] not in ("S3_", "AWS")}
    here = {"HOME": os.fspath(home), "PATH": f"{program}:{os.environ['PATH']}"}
    root = tmp_path / "root"
    (root / "tmp").mkdir(parents=True)
    return Site(kit, root, {**kept, **here}, {})


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="module")
def moto() -> Iterator[S3Server]:
    with running_moto() as server:
        for bucket in ("store", "desync.bucket"):
            requests.put(f"{server.url}/{bucket}", timeout=10).raise_for_status()
        yield server


@pytest.fixture(scope="module")
def web(kit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web server whose root is a store, and which has it under other names too."""
    root = tmp_path_factory.mktemp("web")
    for path in (kit / "store").iterdir():
        (root / path.name).symlink_to(path)
    for name in ("store", "casync.store", "ssl.store"):
        (root / name).symlink_to(kit / "store")
    for name in ("file.caibx", "small.caibx", "myindex.caibx"):
        (root / name).symlink_to(kit / "v1.caibx")
    with web_server(root) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def over_ssh(site: Site, sshd: Sshd, tmp_path: Path) -> Site:
    """The same machine, which also is every host that is reached over SSH."""
    user = getpass.getuser()
    ssh = f"ssh://{user}@127.0.0.1{site.root}"
    sftp = f"{sshd.url('sftp', site.root)}"
    hosts = {
        "ssh://192.168.1.1": ssh,
        "ssh://192.168.1.2": ssh,
        "sftp://192.168.1.1": sftp,
        "sftp://192.168.1.3": sftp,
        "sftp://remote.host": sftp,
    }
    home = make_home(sshd, tmp_path / "ssh-home")
    more = {
        "HOME": os.fspath(home),
        "CASYNC_SSH_PATH": os.fspath(sshd.program),
        "CASYNC_REMOTE_PATH": require_program("casync"),
    }
    return replace(site, environment={**site.environment, **more}, hosts=hosts)


def lines_of(name: str) -> list[str]:
    """Return the commands of an example, each in one line."""
    return EXAMPLES[name].replace("\\\n", " ").strip().splitlines()


def stored(store: Path, index: Path) -> bool:
    """Whether a directory has every chunk of an index."""
    ids = {one.hex() for one in ids_of(parse_index(index.read_bytes(), "index"))}
    return ids <= {path.name.partition(".")[0] for path in store.glob("*/*")}


Items = Mapping[str, str]

TAR: Items = {"somefile.tar.caibx": "v1.caibx"}
STORE: Items = {"some/local/store": "store"}
EMPTY: Items = {"some/local/store": "empty"}
SEEDS: Items = {"image-v1.qcow2": "v1", "image-v2.qcow2": "v2"}
SEED_INDEXES: Items = {f"{name}.caibx": f"{item}.caibx" for name, item in SEEDS.items()}
IN_IMAGES: Items = {f"path/to/images/{one}": it for one, it in {**SEEDS, **SEED_INDEXES}.items()}
IMAGE: Items = {"local/store": "store", "image-v3.qcow2.caibx": "v3.caibx"}
TREE: Items = {"some/dir": "tree"}

ALONE: Mapping[str, tuple[Items, Items]] = {
    "quick-make": (
        {"path/to/largefile": "v1", "tmp/store": "empty"},
        {"index.caibx": "v1.caibx", "tmp/store": "v1.caibx"},
    ),
    "quick-extract": (
        {"tmp/store": "store", "index.caibx": "v1.caibx", "path/to/.keep": "v1"},
        {"path/to/largefile": "v1"},
    ),
    "extract-seeds": ({**IMAGE, **SEEDS, **SEED_INDEXES}, {"image-v3.qcow2": "v3"}),
    "extract-seed-dir": ({**IMAGE, **IN_IMAGES}, {"image-v3.qcow2": "v3"}),
    "make": (
        {**EMPTY, "some/blob": "v2"},
        {"index.caibx": "v2.caibx", "some/local/store": "v2.caibx"},
    ),
    "make-index-only": ({"tmp/image.raw": "v1"}, {"image.raw.caibx": "v1.caibx"}),
    "verify-index": ({"tmp/image.raw": "v1", "image.raw.caibx": "v1.caibx"}, {}),
    "verify": (STORE, {}),
    "chop": ({**EMPTY, **TAR, "somefile.tar": "v1"}, {"some/local/store": "v1.caibx"}),
    "chop-ignore": (
        {
            **EMPTY,
            "image-v1.iso.caibx": "v1.caibx",
            "image-v2.iso.caibx": "v2.caibx",
            "image-v2.iso": "v2",
        },
        {},
    ),
    "tar": (TREE, {"archive.catar": "tree.catar"}),
    "tar-index": (
        {**TREE, **EMPTY},
        {"archive.caidx": "tree.caidx", "some/local/store": "tree.caidx"},
    ),
    "untar": ({"archive.catar": "tree.catar", "some/.keep": "v1"}, {"some/dir": "tree"}),
    "untar-index": ({**STORE, "archive.caidx": "tree.caidx"}, {"some/dir": "tree"}),
    "update-size": ({**EMPTY, "some/blob": "v2", "local_index.caibx": "v1.caibx"}, {}),
    "update-size-uncompressed": ({**EMPTY, "some/blob": "v2", "local_index.caibx": "v1.caibx"}, {}),
}
"""What is there before an example that needs nothing but this machine, and what after it."""

OVER_SSH: Mapping[str, tuple[Items, Items]] = {
    "extract-ssh": (
        {**TAR, "path/to/casync.store": "store", "tmp/store": "empty"},
        {"somefile.tar": "v1", "tmp/store": "v1.caibx"},
    ),
    "extract-two-stores": (
        {**TAR, **EMPTY, "path/to/casync.store": "store"},
        {"somefile.tar": "v1"},
    ),
    "extract-sftp": ({"file.caibx": "v1.caibx", "path/to/store": "store"}, {"file.tar": "v1"}),
    "cache-ssh": (
        {
            **TAR,
            "other.file.caibx": "v2.caibx",
            "path/to/casync.store": "store",
            "local/cache": "empty",
        },
        {"local/cache": "v2.caibx"},
    ),
    "cache-sftp": (
        {"store": "store", "path/to/store": "empty", "path/to/index.caibx": "v1.caibx"},
        {"path/to/store": "v1.caibx"},
    ),
}
"""The same, for examples with hosts that are reached over SSH."""


def holds(site: Site, items: Items) -> None:
    """Check that files and trees are those of the kit, and that stores have an index's chunks."""
    for path, item in items.items():
        found, right = site.at(path), site.kit / item
        if right.is_dir():
            subprocess.run(["diff", "-r", "--no-dereference", found, right], check=True)
        elif found.is_dir():
            assert stored(found, right)
        else:
            assert found.read_bytes() == right.read_bytes(), path


@pytest.mark.parametrize("name", ALONE)
def test_an_example_works(site: Site, name: str) -> None:
    given, after = ALONE[name]
    site.provide(given)

    site.run(EXAMPLES[name])

    holds(site, after)


@pytest.mark.parametrize("name", OVER_SSH)
def test_an_example_works_with_hosts_that_are_reached_over_ssh(over_ssh: Site, name: str) -> None:
    given, after = OVER_SSH[name]
    over_ssh.provide(given)

    over_ssh.run(EXAMPLES[name])

    holds(over_ssh, after)


def test_the_size_of_an_update_is_told(site: Site) -> None:
    site.provide(ALONE["update-size"][0])

    compressed = json.loads(site.run(EXAMPLES["update-size"]).stdout)
    plain = json.loads(site.run(lines_of("update-size-uncompressed")[-1]).stdout)

    download = compressed["dedup-size-not-in-seed-nor-cache-compressed"]
    assert 200_000 < download < plain["dedup-size-not-in-seed-nor-cache"] * 1.1
    assert plain["in-seed"] == compressed["in-seed"] > 0


def test_chunks_are_listed(site: Site) -> None:
    site.provide(TAR)

    listed = site.run(EXAMPLES["list-chunks"]).stdout.split()

    index = parse_index((site.kit / "v1.caibx").read_bytes(), "index")
    assert listed == [one.hex() for one in ids_of(index)]


def test_chunks_of_another_index_are_not_chopped(site: Site) -> None:
    site.provide(ALONE["chop-ignore"][0])

    site.run(EXAMPLES["chop-ignore"])

    store = site.at("some/local/store")
    assert 0 < len(list(store.glob("*/*"))) < len(list((site.kit / "store").glob("*/*")))
    assert not stored(store, site.kit / "v1.caibx")


def test_a_store_is_pruned_where_somebody_agrees(site: Site) -> None:
    site.provide({**STORE, "index1.caibx": "v1.caibx", "index2.caibx": "v2.caibx"})

    site.run(EXAMPLES["prune"], given=b"y\n")

    store = site.at("some/local/store")
    assert stored(store, site.kit / "v1.caibx")
    assert stored(store, site.kit / "v2.caibx")
    assert not stored(store, site.kit / "v3.caibx")


@pytest.mark.parametrize("answer", [b"n\n", b""])
def test_a_store_is_not_pruned_where_nobody_agrees(site: Site, answer: bytes) -> None:
    site.provide({**STORE, "index1.caibx": "v1.caibx", "index2.caibx": "v2.caibx"})

    with pytest.raises(AssertionError):
        site.run(EXAMPLES["prune"], given=answer)

    holds(site, STORE)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("tar-stream", {"path/to/archive.tar": "tree.tar"}),
        ("tar-stdin", {"path/to/dir": "tree"}),
    ],
)
def test_tar_streams_become_archives(site: Site, name: str, given: Items) -> None:
    site.provide(given)

    site.run(EXAMPLES[name])
    site.run("desync untar archive.catar copy")

    holds(site, {"copy": "tree"})


def test_an_archive_becomes_a_tar_stream(site: Site) -> None:
    site.provide({**STORE, "archive.caidx": "tree.caidx", "path/to/.keep": "v1"})

    site.run(EXAMPLES["untar-gnu-tar"])
    site.run("mkdir copy; tar -C copy -xf /path/to/archive.tar")

    holds(site, {"copy": "tree"})


def test_a_blob_is_extracted_onto_a_device(site: Site) -> None:
    if os.geteuid() != 0:
        pytest.skip("loop devices need root")
    site.provide({"mnt/store": "store", "image.caibx": "v1.caibx", "disk": "v2"})
    command = ["losetup", "--find", "--show", os.fspath(site.at("disk"))]
    device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    try:
        replace(site, hosts={"/dev/sdc": device}).run(EXAMPLES["extract-device"])
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)

    assert site.at("disk").read_bytes()[: len(BLOBS["v1"])] == BLOBS["v1"]


@pytest.mark.parametrize("name", ["quick-extract-cached", "cache-ignore"])
def test_an_example_works_with_a_web_server(site: Site, web: str, name: str) -> None:
    site = replace(site, hosts={"http://server": web, "http://cdn:9876": web})
    site.provide({"index.caibx": "v1.caibx", "path/to/.keep": "v1", "tmp/cache": "empty"})
    site.provide(
        {
            "tmp/chunkstore": "empty",
            "tmp/indices/existing-image.raw.caibx": "v1.caibx",
            "tmp/images/existing-image.raw": "v2.caibx",
        }
    )

    site.run(EXAMPLES[name])

    if name == "cache-ignore":
        assert not stored(site.at("tmp/chunkstore"), site.kit / "v1.caibx")
        assert list(site.at("tmp/chunkstore").glob("*/*"))
    else:
        holds(site, {"path/to/largefile": "v1", "tmp/cache": "v1.caibx"})


def test_an_index_is_taken_from_a_web_server(over_ssh: Site, web: str) -> None:
    site = replace(over_ssh, hosts={**over_ssh.hosts, "http://192.168.1.2": web})
    site.provide({"path/to/store": "store"})

    site.run(EXAMPLES["extract-remote-index"])

    holds(site, {"file.tar": "v1"})


def test_stores_of_all_kinds_are_mixed(over_ssh: Site, web: str, kit: Path, tmp_path: Path) -> None:
    """The one over TLS is trusted by the configuration, since the example does not say how."""
    authority = Authority(tmp_path / "authority")
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "ssl.store").symlink_to(kit / "store")
    with ExitStack() as opened:
        port = opened.enter_context(web_server(tmp_path / "tls", authority.server("127.0.0.1")))
        tls = f"https://127.0.0.1:{port}"
        gone = f"http://127.0.0.1:{free_port()}"
        more = {"http://192.168.1.101": gone, "http://192.168.1.102": web}
        site = replace(over_ssh, hosts={**over_ssh.hosts, **more, "https://192.168.1.3": tls})
        configure(site, {"store-options": {f"{tls}/*": {"ca-cert": authority.file}}})
        site.provide({**TAR, "path/to/casync.store": "empty", "path/to/cache": "empty"})

        site.run(EXAMPLES["extract-mixed"])

    holds(site, {"somefile.tar": "v1", "path/to/cache": "v1.caibx"})


def configure(site: Site, document: object) -> None:
    path = Path(site.environment["HOME"], ".config", "desync", "config.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))


def test_chunks_are_made_in_s3_and_counted_there(site: Site, moto: S3Server) -> None:
    site = replace(site, hosts={"s3+http://127.0.0.1:9000": f"s3+{moto.url}"})
    site.provide({"some/blob": "v1", "tmp/store": "empty", "path/to/index": "v1.caibx"})

    site.run(EXAMPLES["make-s3"])
    site = replace(site, environment={**site.environment, **ENVIRONMENT})
    told = json.loads(site.run(EXAMPLES["info"]).stdout)

    holds(site, {"index.caibx": "v1.caibx"})
    assert told["in-store"] == told["unique"] > 0


@pytest.fixture
def port() -> str:
    return f"127.0.0.1:{free_port()}"


def fetched(site: Site, port: str) -> None:
    """Extract a blob by way of a chunk server."""
    site.provide({"fetched.caibx": "v1.caibx"})
    site.run(f"desync-run extract -s http://{port}/ fetched.caibx fetched")
    holds(site, {"fetched": "v1"})
    site.at("fetched").unlink()
    site.at("fetched.caibx").unlink()


def ended(server: OwnServer) -> None:
    assert server.stop() == 0, server.lines


def test_a_chunk_server_stands_before_others(over_ssh: Site, web: str, port: str) -> None:
    hosts = {**over_ssh.hosts, "http://192.168.1.1": web, ":8080": port}
    site = replace(over_ssh, hosts=hosts)
    site.provide({"store": "store", "cache": "empty"})

    with site.started(EXAMPLES["chunk-server-proxy"], SERVES) as server:
        fetched(site, port)
        ended(server)

    holds(site, {"cache": "v1.caibx"})


@pytest.mark.parametrize("name", ["chunk-server-store-file", "mount-index-store-file"])
def test_stores_are_exchanged_on_demand(site: Site, web: str, port: str, name: str) -> None:
    """The first one is a place without chunks."""
    write, serve, rewrite, reload = lines_of(name)
    mounts = name == "mount-index-store-file"
    if mounts:
        require_fuse()
    site.provide({"tmp/cache": "empty", "index.caibx": "v1.caibx", "some/mnt/.keep": "v1"})
    hosts = {"http://192.168.1.1": f"{web}/nothing", "http://192.168.1.2": web, ":8080": port}
    site = replace(site, hosts=hosts)

    site.run(write)
    with site.started(serve, MOUNTED if mounts else SERVES) as server:
        site.run(rewrite)
        assert reload == "killall -1 desync"
        server.process.send_signal(signal.SIGHUP)
        if mounts:
            waited_for(lambda: is_read(site.at("some/mnt/index")))
        else:
            index = parse_index((site.kit / "v1.caibx").read_bytes(), "index")
            chunk = f"http://{port}{path_of(ids_of(index)[0])}"
            waited_for(lambda: requests.get(chunk, timeout=10).status_code == 200)
            fetched(site, port)
        ended(server)


def is_read(file: Path) -> bool:
    """Whether a file is the first blob; one that cannot be read is not."""
    try:
        return file.read_bytes() == BLOBS["v1"]
    except OSError:
        return False


def test_an_index_is_made_on_an_index_server(site: Site, port: str) -> None:
    serve, make = (line.partition("# ")[2] for line in lines_of("index-server"))
    site = replace(site, hosts={"http://192.168.1.1:8080": f"http://{port}", ":8080": port})
    site.provide({"mnt/indexes/.keep": "v1", "some/store": "empty", "file.vmdk": "v1"})

    with site.started(serve, SERVES) as server:
        site.run(make)
        ended(server)

    holds(site, {"mnt/indexes/file.vmdk.caibx": "v1.caibx", "some/store": "v1.caibx"})


def test_a_chunk_server_has_tls_and_keys_of_its_configuration(
    site: Site, moto: S3Server, port: str, tmp_path: Path
) -> None:
    hosts = {
        "s3+https://s3-eu-west-3.amazonaws.com": f"s3+{moto.url}",
        "127.0.0.1:https": port,
    }
    site = replace(site, hosts=hosts)
    keys = {"access-key": ENVIRONMENT["S3_ACCESS_KEY"], "secret-key": ENVIRONMENT["S3_SECRET_KEY"]}
    configure(site, {"s3-credentials": {moto.url: keys}})
    authority = Authority(tmp_path / "authority")
    cert, key = authority.server_files(tmp_path)
    site.at("cert.pem").symlink_to(cert)
    site.at("key.pem").symlink_to(key)
    site.provide({"blob": "v1", "cache": "empty"})
    site.run(f"desync-run make -s s3+{moto.url}/desync.bucket/prefix index.caibx blob")

    with site.started(EXAMPLES["chunk-server-tls"], SERVES) as server:
        site.at("ca.pem").symlink_to(authority.file)
        source = f"--ca-cert ca.pem -s https://{port}/"
        site.run(f"desync-run extract {source} index.caibx copy")
        ended(server)

    holds(site, {"copy": "v1", "cache": "v1.caibx"})


@pytest.mark.parametrize(
    ("name", "file"),
    [("mount-index", "some/mnt/index"), ("mount-remote-index", "mnt/image/myindex")],
)
def test_a_blob_is_mounted(site: Site, web: str, name: str, file: str) -> None:
    require_fuse()
    site = replace(site, hosts={"http://chunk.store": web, "http://index.store": web})
    site.provide({**STORE, "index.caibx": "v1.caibx"})
    site.at(file).parent.mkdir(parents=True)

    with site.started(EXAMPLES[name], MOUNTED) as server:
        assert site.at(file).read_bytes() == BLOBS["v1"]
        ended(server)


def test_an_index_that_is_a_blob_itself_is_mounted(site: Site) -> None:
    require_fuse()
    site.provide({"made/big.caibx": "v1.caibx", "mnt/point/.keep": "v1", "served": "store"})
    site.run("desync-run make -s served small.caibx made/big.caibx")
    with web_server(site.root) as port:
        here = f"http://127.0.0.1:{port}"
        hosts = {"http://192.168.1.1/store": f"{here}/served", "http://192.168.1.2": here}
        site = replace(site, hosts=hosts)
        with site.started(EXAMPLES["mount-index-cat"], MOUNTED):
            (mounted,) = site.at("mnt/point").iterdir()
            assert mounted.read_bytes() == BLOBS["v1"]
            subprocess.run(["umount", site.at("mnt/point")], check=True)


def test_a_chunk_server_keeps_and_sends_plain_chunks(over_ssh: Site, port: str) -> None:
    write, serve, write_client, cache = lines_of("chunk-server-uncompressed")
    hosts = {**over_ssh.hosts, "http://store.host:8080": f"http://{port}", ":8080": port}
    site = replace(over_ssh, hosts=hosts)
    site.provide({"path/to/store": "empty", "store": "store", "path/to/blob.caibx": "v1.caibx"})

    site.run(write)
    with site.started(serve, SERVES) as server:
        site.run(write_client)
        site.run(cache)
        ended(server)

    holds(site, {"path/to/store": "v1.caibx"})
    assert not list(site.at("path/to/store").glob("*/*.cacnk"))


def test_a_chunk_server_asks_for_what_the_configuration_has(site: Site, port: str) -> None:
    serve, write, extract = lines_of("chunk-server-authorization")
    site = replace(site, hosts={"127.0.0.1:8080": port, ":8080": port})
    site.provide({"path/to/store": "store", "path/to/blob.caibx": "v1.caibx"})

    with site.started(serve, SERVES) as server:
        site.run(write)
        site.run(extract)
        holds(site, {"path/to/blob": "v1"})
        site.at("path/to/blob").unlink()
        with pytest.raises(AssertionError, match="401"):
            site.run(extract.replace("--config /path/to/client.json", ""))
        ended(server)


@pytest.mark.parametrize("name", ["chunk-server-ca", "chunk-server-mutual-tls"])
def test_certificates_are_made_and_asked_for(site: Site, port: str, name: str) -> None:
    require_program("openssl")
    *certificates, serve, extract = lines_of(name)
    number = port.rpartition(":")[2]
    hosts = {
        "https://hostname:8443": f"https://localhost:{number}",
        ":8443": port,
        "(Common Name should be the server name)": "-subj /CN=localhost",
        "-days 3650 -out ca.crt": "-days 3650 -subj /CN=authority -out ca.crt",
        "-key client.key -out client.csr": "-key client.key -subj /CN=client -out client.csr",
        " 4096": " 2048",
    }
    site = replace(site, hosts=hosts)
    site.provide({"path/to/store": "store", "image.iso.caibx": "v1.caibx"})

    site.run("\n".join(certificates))
    with site.started(serve, SERVES) as server:
        site.run(extract)
        ended(server)

    holds(site, {"image.iso": "v1"})


def commands() -> Iterator[tuple[str, str]]:
    """Yield every desync command of the examples, with the name of the example."""
    for name in EXAMPLES:
        for line in lines_of(name):
            for part in line.split(" | "):
                found = re.search(r"(?:^|[\s#])(desync .*)", part)
                if found is not None:
                    yield name, found[1]


@pytest.mark.parametrize(("name", "line"), list(commands()))
def test_every_command_is_understood(
    site: Site,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    line: str,
) -> None:
    """Among them those that need a port or a host that no test may have."""
    for path in ("path/to", "some/dir"):
        site.at(path).mkdir(parents=True)
    monkeypatch.chdir(site.root)
    monkeypatch.setenv("HOME", site.environment["HOME"])
    for written in lines_of(name):
        if written.startswith("echo "):
            site.run(written)
    words = shlex.split(site.here(line))

    assert main(["import", "--", *words]) == 0
    written_out = capfd.readouterr()
    assert written_out.err == ""
    assert "\n[operations." in written_out.out


def test_no_command_of_the_examples_is_forgotten() -> None:
    assert len(EXAMPLES) == 46
    assert len(list(commands())) == 55
