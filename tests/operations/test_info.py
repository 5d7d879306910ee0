import json
from typing import Any

import pytest

from desync_jobs.formats.index import Index
from tests.blobs import blob
from tests.vectors.inputs import ctr
from tests.workspace import How, Workspace, chunk_file, ids_of, overwrite, stamp


@pytest.fixture
def made(workspace: Workspace) -> Index:
    """The index of `second`, whose store has only what it shares with `first`."""
    workspace.make("first", blob("first"))
    return workspace.make("second", blob("second"), store=None)


def sizes_of(index: Index) -> dict[bytes, int]:
    """Return the length of each distinct chunk."""
    return {index.id(at): index.length(at) for at in range(len(index))}


def figures(workspace: Workspace, **fields: Any) -> dict[str, int]:
    ended = workspace.do("info", index="second.caibx", **fields)
    assert ended.summary == (0, "done"), ended.message
    values: dict[str, int] = json.loads(ended.output)
    assert ended.statistics == values
    return values


def test_every_figure_is_exact(workspace: Workspace, made: Index) -> None:
    first = workspace.index("first.caibx")
    sizes = sizes_of(made)
    shared = set(sizes) & set(ids_of(first))
    cached = set(sorted(set(sizes) - shared)[:3]) | set(sorted(shared)[:2])
    workspace.make("second", store="everything")
    (workspace / "ids").write_text("\n".join(one.hex() for one in set(sizes) - cached))
    workspace.do(
        "cache",
        indexes=["second.caibx"],
        stores=["everything"],
        cache="cache",
        ignore_chunks=["ids"],
    )
    workspace.do("inspect-chunks", index="second.caibx", output="chunks", store="everything")
    wanted = set(sizes) - shared - cached
    values = figures(
        workspace,
        stores=["store"],
        seeds=["first.caibx"],
        cache="cache",
        chunks_info="chunks",
    )

    assert values == {
        "total": len(made),
        "unique": len(sizes),
        "in-store": len(shared),
        "in-seed": len(shared),
        "in-cache": 5,
        "not-in-seed-nor-cache": len(wanted),
        "size": len(blob("second")),
        "dedup-size-not-in-seed": sum(sizes[one] for one in set(sizes) - shared),
        "dedup-size-not-in-seed-nor-cache": sum(sizes[one] for one in wanted),
        "dedup-size-not-in-seed-nor-cache-compressed": sum(
            chunk_file(workspace / "everything", one).stat().st_size for one in wanted
        ),
        "chunk-size-min": 2048,
        "chunk-size-avg": 8192,
        "chunk-size-max": 32768,
    }
    assert 0 < len(shared) < len(sizes) < len(made)


def test_without_stores_seeds_or_cache_everything_is_to_be_fetched(
    workspace: Workspace, made: Index
) -> None:
    values = figures(workspace)
    sizes = sizes_of(made)

    assert values["in-store"] == values["in-seed"] == values["in-cache"] == 0
    assert values["not-in-seed-nor-cache"] == values["unique"] == len(sizes)
    assert values["dedup-size-not-in-seed"] == sum(sizes.values())
    assert values["dedup-size-not-in-seed-nor-cache"] == sum(sizes.values())
    assert values["dedup-size-not-in-seed-nor-cache-compressed"] == 0


def test_a_chunk_in_any_of_several_stores_counts_once(workspace: Workspace, made: Index) -> None:
    workspace.make("second", store="everything")
    one = figures(workspace, stores=["store"])["in-store"]
    both = figures(workspace, stores=["store", "everything"])["in-store"]

    assert one < both == len(sizes_of(made))


def test_several_seeds_count_together(workspace: Workspace, made: Index) -> None:
    workspace.make("part", blob("second")[300_000:], store=None)
    parts = [workspace.index(name) for name in ("first.caibx", "part.caibx")]
    known = set(ids_of(parts[0])) | set(ids_of(parts[1]))
    values = figures(workspace, seeds=["first.caibx", "part.caibx"])

    assert values["in-seed"] == len(set(ids_of(made)) & known)


def chunks_info(workspace: Workspace) -> list[dict[str, Any]]:
    """Write `chunks` for every chunk of the second blob, and return its rows."""
    workspace.make("second", store="everything")
    workspace.do("inspect-chunks", index="second.caibx", output="chunks", store="everything")
    rows: list[dict[str, Any]] = json.loads((workspace / "chunks").read_bytes())
    return rows


COMPRESSED = "dedup-size-not-in-seed-nor-cache-compressed"


def test_compressed_bytes_are_counted_without_a_seed(workspace: Workspace, made: Index) -> None:
    del made
    rows = chunks_info(workspace)
    expected = {row["id"]: row["compressed_size"] for row in rows}

    assert figures(workspace, chunks_info="chunks")[COMPRESSED] == sum(expected.values())


@pytest.mark.parametrize("missing", ["row", "size", "size 0"])
def test_an_incomplete_list_of_sizes_gives_0(
    workspace: Workspace, made: Index, missing: str
) -> None:
    rows = chunks_info(workspace)
    hidden = made.id(3).hex()
    for row in [row for row in rows if row["id"] == hidden]:
        if missing == "row":
            rows.remove(row)
        elif missing == "size":
            del row["compressed_size"]
        else:
            row["compressed_size"] = 0
    (workspace / "chunks").write_text(json.dumps(rows))

    assert figures(workspace, chunks_info="chunks")[COMPRESSED] == 0


def test_what_a_seed_has_need_not_be_in_the_list(workspace: Workspace, made: Index) -> None:
    known = {one.hex() for one in ids_of(workspace.index("first.caibx"))}
    rows = [row for row in chunks_info(workspace) if row["id"] not in known]
    (workspace / "chunks").write_text(json.dumps(rows))
    expected = {row["id"]: row["compressed_size"] for row in rows}
    values = figures(workspace, chunks_info="chunks", seeds=["first.caibx"])

    assert len(expected) < len(sizes_of(made))
    assert values[COMPRESSED] == sum(expected.values())


@pytest.mark.parametrize("first", ["complete", "incomplete"])
def test_a_size_that_is_not_the_indexs_is_an_error(
    workspace: Workspace, made: Index, first: str
) -> None:
    """Also where the list is incomplete before that, so that the answer would be 0."""
    rows = chunks_info(workspace)
    if first == "incomplete":
        rows = [row for row in rows if row["id"] != made.id(0).hex()]
    wrong = made.id(30).hex()
    for row in rows:
        if row["id"] == wrong:
            row["uncompressed_size"] += 1
    (workspace / "chunks").write_text(json.dumps(rows))
    ended = workspace.do("info", index="second.caibx", chunks_info="chunks")

    assert ended.summary == (4, "failed")
    assert ended.message == (
        f"chunks: chunk {wrong} has {made.length(30) + 1} bytes, the index says {made.length(30)}"
    )
    assert ended.output == b""


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no JSON",
        "7",
        '{"id": 1}',
        '["row"]',
        '[{"uncompressed_size": 1}]',
        '[{"id": "00", "uncompressed_size": "1"}]',
        '[{"id": "00", "uncompressed_size": 1e400}]',
        '[{"id": "00", "uncompressed_size": -1}]',
        '[{"id": "00", "uncompressed_size": 1, "compressed_size": true}]',
        '[{"id": ["00"], "uncompressed_size": 1}]',
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_a_list_of_sizes_that_is_none_is_an_error(
    workspace: Workspace, made: Index, content: str
) -> None:
    del made
    (workspace / "chunks").write_text(content)
    ended = workspace.do("info", index="second.caibx", chunks_info="chunks")

    assert ended.summary == (4, "failed")
    assert ended.message.startswith(
        f"{workspace.path}/chunks: is not the JSON that inspect-chunks writes: "
    )


@pytest.mark.parametrize("key", ["stores", "cache"])
def test_a_store_that_cannot_answer_is_an_error_and_not_a_no(
    workspace: Workspace, made: Index, key: str
) -> None:
    blocked = workspace / "broken" / made.id(10).hex()[:4]
    blocked.parent.mkdir()
    blocked.write_bytes(b"a file where a directory should be")
    ended = workspace.do(
        "info", index="second.caibx", **{key: ["broken"] if key == "stores" else "broken"}
    )

    assert ended.summary == (1, "failed")
    assert ended.message == (
        f"store broken: cannot say whether it has chunk {made.id(10).hex()}; check its permissions"
    )
    assert ended.output == b""


def test_a_store_that_does_not_exist_is_an_error(workspace: Workspace, made: Index) -> None:
    del made
    ended = workspace.do("info", index="second.caibx", stores=["absent"])

    assert ended.summary == (1, "failed")
    assert ended.message.endswith("is not a directory; correct its url or create it")


def test_a_cache_that_does_not_exist_yet_has_nothing(workspace: Workspace, made: Index) -> None:
    del made

    assert figures(workspace, cache="absent")["in-cache"] == 0
    assert not (workspace / "absent").exists()


def test_a_seed_that_does_not_exist_is_an_error(workspace: Workspace, made: Index) -> None:
    del made
    ended = workspace.do("info", index="second.caibx", seeds=["absent.caibx"])

    assert ended.summary == (5, "failed")


def test_plain_figures_are_thirteen_labelled_lines(workspace: Workspace, made: Index) -> None:
    values = figures(workspace, stores=["store"])
    ended = workspace.do("info", index="second.caibx", stores=["store"], format="plain")
    lines = ended.output.decode().splitlines()

    assert len(lines) == 13
    assert [int(line.rpartition(": ")[2]) for line in lines] == list(values.values())
    assert lines[0] == f"Total chunks: {len(made)}"
    assert len({line.rpartition(": ")[0] for line in lines}) == 13


def test_the_index_comes_from_standard_input(workspace: Workspace, made: Index) -> None:
    del made
    data = (workspace / "second.caibx").read_bytes()
    ended = workspace.do("info", How(given=data), index="-")

    assert json.loads(ended.output) == figures(workspace)


def test_an_output_that_is_the_same_is_left_alone(workspace: Workspace, made: Index) -> None:
    del made
    fields = {"index": "second.caibx", "stores": ["store"], "output": "figures"}
    first = workspace.do("info", **fields)
    before = stamp(workspace / "figures")
    second = workspace.do("info", **fields)

    assert (first.summary, second.summary) == ((0, "done"), (0, "unchanged"))
    assert stamp(workspace / "figures") == before


def test_an_index_of_nothing_has_figures_too(workspace: Workspace) -> None:
    workspace.make("second", b"")
    values = figures(workspace, stores=["store"])

    assert values["total"] == values["unique"] == values["size"] == values["in-store"] == 0


def test_the_output_is_never_the_index(workspace: Workspace, made: Index) -> None:
    del made
    (workspace / "link").symlink_to("second.caibx")
    index = (workspace / "second.caibx").read_bytes()
    ended = workspace.do("info", index="second.caibx", output="link")

    assert ended.summary == (64, "failed")
    assert (workspace / "second.caibx").read_bytes() == index


def test_a_damaged_chunk_is_in_the_store_as_long_as_its_file_is(
    workspace: Workspace, made: Index
) -> None:
    """Nothing is read; an empty file holds no chunk."""
    known = [one for one in ids_of(made) if chunk_file(workspace / "store", one).exists()]
    before = figures(workspace, stores=["store"])["in-store"]
    overwrite(chunk_file(workspace / "store", known[0]), b"damage")
    damaged = figures(workspace, stores=["store"])["in-store"]
    overwrite(chunk_file(workspace / "store", known[0]), b"")
    empty = figures(workspace, stores=["store"])["in-store"]

    assert (damaged, empty) == (before, before - 1)


def test_chunks_of_a_plain_store_are_there_too(workspace: Workspace) -> None:
    workspace.places["plain"] = {"compression": "none"}
    index = workspace.make("second", ctr(100_000), store="plain")

    assert figures(workspace, stores=["plain"])["in-store"] == len(set(ids_of(index)))
