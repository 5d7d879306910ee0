from desync_jobs.cli.oneline import OneLine


def test_a_single_store_is_called_store() -> None:
    line = OneLine("extract", {"index": "i", "target": "t"}, stores=("a",), cache="c")

    assert line.document() == {
        "version": 1,
        "stores": {"store": {"url": "a"}},
        "caches": {"cache": {"url": "c"}},
        "operations": {
            "extract": {
                "kind": "extract",
                "index": "i",
                "target": "t",
                "stores": ["store"],
                "cache": "cache",
            }
        },
    }


def test_several_stores_are_numbered_in_their_order() -> None:
    document = OneLine("cat", {"index": "i"}, stores=("b,c", "a")).document()

    assert document["stores"] == {"store-1": {"url": "b,c"}, "store-2": {"url": "a"}}
    assert document["operations"] == {
        "cat": {"kind": "cat", "index": "i", "stores": ["store-1", "store-2"]}
    }


def test_what_was_not_asked_for_is_left_to_the_defaults() -> None:
    document = OneLine("make", {"index": "i", "blob": "b", "digest": None}).document()

    assert document == {
        "version": 1,
        "operations": {"make": {"kind": "make", "index": "i", "blob": "b"}},
    }


def test_the_concurrency_is_the_number_of_workers() -> None:
    document = OneLine("verify", {}, store="s").document(concurrency=3)

    assert document["engine"] == {"kind": "local", "workers": 3}


def test_a_dollar_brace_of_the_command_line_is_no_variable() -> None:
    line = OneLine("cache", {"indexes": ("${a}.caibx", "b")}, stores=("${s}",), cache="$c")

    assert line.document() == {
        "version": 1,
        "stores": {"store": {"url": "$${s}"}},
        "caches": {"cache": {"url": "$c"}},
        "operations": {
            "cache": {
                "kind": "cache",
                "indexes": ["$${a}.caibx", "b"],
                "stores": ["store"],
                "cache": "cache",
            }
        },
    }
