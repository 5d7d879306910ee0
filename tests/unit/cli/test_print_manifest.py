import pytest
import tomli

from desync_jobs.cli.main import main


def printed(capfd: pytest.CaptureFixture[str], line: str) -> str:
    code = main([*line.split(), "--print-manifest"])
    written = capfd.readouterr()

    assert (code, written.err) == (0, "")
    return written.out


EXTRACT = """\
version = 1

[stores.store]
url = "store"

[operations.extract]
kind = "extract"
index = "i.caibx"
target = "out"
stores = [
    "store",
]
"""


def test_a_command_prints_the_job_file_it_stands_for(capfd: pytest.CaptureFixture[str]) -> None:
    assert printed(capfd, "extract i.caibx out -s store") == EXTRACT


@pytest.mark.parametrize(
    ("line", "kind", "fields"),
    [
        (
            "make - - --digest sha256 --cut desync-1.0 -s store",
            "make",
            {
                "index": "-",
                "blob": "-",
                "digest": "sha256",
                "cut": "desync-1.0",
                "store": "store",
            },
        ),
        (
            "make i b -m 128K",
            "make",
            {"index": "i", "blob": "b", "chunk_size": "32KiB:128KiB:512KiB"},
        ),
        (
            "extract -k -r=false -c cache -s a,b -s c - out",
            "extract",
            {
                "index": "-",
                "target": "out",
                "in_place": True,
                "cache_repair": False,
                "stores": ["store-1", "store-2"],
                "cache": "cache",
            },
        ),
        (
            "extract --cache-repair=false -c cache -s store i out",
            "extract",
            {
                "index": "i",
                "target": "out",
                "cache_repair": False,
                "stores": ["store"],
                "cache": "cache",
            },
        ),
        ("verify-index - blob", "verify-index", {"index": "-", "blob": "blob"}),
        ("verify -s store", "verify", {"store": "store"}),
        (
            "verify -s store -r --digest sha256",
            "verify",
            {"store": "store", "repair": True, "digest": "sha256"},
        ),
        (
            "chop i b -s store --ignore x,y.caibx --ignore z --ignore-chunks ids",
            "chop",
            {
                "index": "i",
                "blob": "b",
                "store": "store",
                "ignore": ["x,y.caibx", "z"],
                "ignore_chunks": ["ids"],
            },
        ),
        (
            "cache i j -s store -c cache --ignore k",
            "cache",
            {
                "indexes": ["i", "j"],
                "stores": ["store"],
                "cache": "cache",
                "ignore": ["k"],
            },
        ),
        ("cat i -s store", "cat", {"index": "i", "stores": ["store"]}),
        (
            "cat i part -s store -c cache -o 5 -l 7 --no-cache-repair",
            "cat",
            {
                "index": "i",
                "output": "part",
                "stores": ["store"],
                "cache": "cache",
                "cache_repair": False,
                "offset": "5B",
                "length": "7B",
            },
        ),
        ("cat i - -s store -l 0", "cat", {"index": "i", "stores": ["store"]}),
        (
            "chunk b -m 1:2:4 -S 9 --digest sha256 --cut desync-1.0",
            "chunk",
            {
                "blob": "b",
                "chunk_size": "1KiB:2KiB:4KiB",
                "start": "9B",
                "digest": "sha256",
                "cut": "desync-1.0",
            },
        ),
        ("list-chunks i", "list-chunks", {"index": "i"}),
        ("info i", "info", {"index": "i"}),
        (
            "info - -s store -c cache --seed a --seed b -f plain --chunks-info sizes.json",
            "info",
            {
                "index": "-",
                "stores": ["store"],
                "cache": "cache",
                "seeds": ["a", "b"],
                "format": "plain",
                "chunks_info": "sizes.json",
            },
        ),
        (
            "inspect-chunks i out.json -s store",
            "inspect-chunks",
            {"index": "i", "output": "out.json", "store": "store"},
        ),
        ("digest - --digest sha256", "digest", {"blob": "-", "digest": "sha256"}),
        (
            "nbd-server -s s -c c --socket p -l :1 -l :2 --export e --connections 3 --drain 5s i",
            "serve-nbd",
            {
                "index": "i",
                "stores": ["store"],
                "cache": "cache",
                "socket": "p",
                "listen": [":1", ":2"],
                "export": "e",
                "connections": 3,
                "drain": "5s",
            },
        ),
        (
            "mkdev -s s --memory 1m i /dev/nbd3",
            "mkdev",
            {"index": "i", "device": "/dev/nbd3", "stores": ["store"], "memory": "1MiB"},
        ),
        (
            "mount --allow-other --patience 1s a m",
            "mount",
            {"archive": "a", "mountpoint": "m", "allow_other": True, "patience": "1s"},
        ),
        (
            "mount -s s a.caidx m",
            "mount",
            {"index": "a.caidx", "mountpoint": "m", "stores": ["store"]},
        ),
        ("mount -i -s s a m", "mount", {"index": "a", "mountpoint": "m", "stores": ["store"]}),
    ],
)
def test_every_option_reaches_the_operation(
    line: str, kind: str, fields: dict[str, object], capfd: pytest.CaptureFixture[str]
) -> None:
    document = tomli.loads(printed(capfd, line))

    assert document["operations"] == {kind: {"kind": kind, **fields}}


def test_places_are_named_after_their_role(capfd: pytest.CaptureFixture[str]) -> None:
    document = tomli.loads(printed(capfd, "cache i -s a,b -s c -c d"))

    assert document["stores"] == {"store-1": {"url": "a,b"}, "store-2": {"url": "c"}}
    assert document["caches"] == {"cache": {"url": "d"}}


def test_the_concurrency_is_printed_as_workers(capfd: pytest.CaptureFixture[str]) -> None:
    document = tomli.loads(printed(capfd, "verify -s store -n=3"))

    assert document["engine"]["workers"] == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("extract i out", "missing option '-s' / '--store'"),
        ("cat i", "missing option '-s' / '--store'"),
        ("verify", "missing option '-s' / '--store'"),
        ("cache i -s store", "missing option '-c' / '--cache'"),
        ("cache -s store -c cache", "missing argument 'INDEX...'"),
        ("make i", "give BLOB too, or --index-dir"),
        ("make i b -n 0", "invalid value for '-n' / '--concurrency': 0 is not in the range"),
        ("make i b -m 64", "invalid value for '-m' / '--chunk-size': '64' has no unit"),
        ("make i b --frobnicate 3", "no such option"),
        ("extract i out -s a --seed b", "--seed b: give an index"),
        ("info i -f xml", "invalid value for '-f' / '--format': 'xml' is not one of"),
        ("extract i i -s a", "command line: operations.extract: reads and writes"),
        ("verify -s s3+https://host", "command line: stores.store.url: s3+https://"),
    ],
)
def test_a_command_that_makes_no_sense_ends_with_64(
    line: str, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(line.split())
    written = capfd.readouterr()

    assert (code, written.out) == (64, "")
    assert written.err.startswith(f"desync-run: {message}")


def test_cat_and_get_take_chunks_from_the_same_places(capfd: pytest.CaptureFixture[str]) -> None:
    asked = "-s a -s b -c c --no-cache-repair --seed-dir d --chunks-info i.json --seed old.caibx x"
    cat, get = (tomli.loads(printed(capfd, f"{name} {asked}")) for name in ("cat", "get"))
    read, written = cat.pop("operations")["cat"], get.pop("operations")["get"]

    assert cat == get
    assert set(cat["stores"]) == {"store-1", "store-2"}
    assert {**read, "kind": "get"} == written
    assert written == {
        "kind": "get",
        "index": "x",
        "stores": ["store-1", "store-2"],
        "cache": "cache",
        "cache_repair": False,
        "chunks_info": "i.json",
        "seeds": ["seed-1", "seed-2"],
    }
