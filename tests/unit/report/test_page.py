"""The page about a run: what it says, and how a browser shows it."""

import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from desync_jobs.cli.main import main
from desync_jobs.report.drawing import graph, time_line
from desync_jobs.report.page import page_text
from desync_jobs.report.record import OperationRecord, PhaseRecord, RunRecord
from desync_jobs.testing.programs import require_program

HOSTILE = "<script>alert(1)</script> & \"x\" 'y'"
VOID = {"meta", "br"}
WIDTH = 1000


class Reader(HTMLParser):
    """Fails where tags are not closed in their order; keeps texts and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def hostile_run() -> RunRecord:
    places = {HOSTILE: {"chunks": 2, "bytes": 3 << 20, "stored_bytes": 1 << 20, "seconds": 0.5}}
    sources = {"zeros": {"chunks": 1, "bytes": 1 << 20}, "in place": {"chunks": 0, "bytes": 0}}
    first = OperationRecord(
        HOSTILE, "extract", "done", HOSTILE, None, 0.5, 2.0,
        {"stores": places, "sources": sources, "bytes_total": 4 << 20},
        [PhaseRecord("assembling " + HOSTILE, "bytes", 4 << 20, 0.6, 1.9, 4 << 20)],
    )  # fmt: skip
    second = OperationRecord("check", "verify", "failed", "", HOSTILE, 2.0, 2.5)
    third = OperationRecord("later")
    return RunRecord(
        HOSTILE, 0.0, {"check": (HOSTILE,), "later": (HOSTILE, "check")},
        {"url": "https://me:hidden@host/" + HOSTILE},
        {one.name: one for one in (first, second, third)},
        [("check", HOSTILE)], 2.5, 1, HOSTILE,
    )  # fmt: skip


def test_a_page_is_whole_and_everything_foreign_in_it_is_text() -> None:
    text = page_text(hostile_run())
    reader = read(text)
    names = {tag for tag, _ in reader.tags}

    assert names.isdisjoint({"script", "link", "img", "iframe", "a", "object"})
    assert not [key for _, given in reader.tags for key in given if key in {"src", "href", "style"}]
    assert "<script" not in text
    assert reader.texts.count(HOSTILE) >= 6
    assert "https://host/" + HOSTILE in reader.texts
    assert "hidden" not in text.split("</style>")[1].replace('aria-hidden="true"', "")


def test_a_page_has_what_assistive_programs_need() -> None:
    reader = read(page_text(hostile_run()))
    ids = [given["id"] for _, given in reader.tags if "id" in given]
    pictures = [given for tag, given in reader.tags if tag == "svg" and "role" in given]

    assert len(ids) == len(set(ids))
    assert [picture["id"] for picture in pictures] == ["graph", "time", "bytes"]
    for picture in pictures:
        assert set((picture["aria-labelledby"] or "").split()) <= set(ids)
    assert all(given == {"scope": "col"} for tag, given in reader.tags if tag == "th")
    assert ("html", {"lang": "en"}) in reader.tags


def test_shares_add_up_to_the_whole() -> None:
    texts = read(page_text(hostile_run())).texts

    assert "75.0 %" in texts
    assert "25.0 %" in texts
    assert "Ended with exit code 1" in texts


@pytest.mark.parametrize("draw", [graph, time_line])
def test_a_run_that_did_nothing_can_be_drawn(draw: Callable[[RunRecord], str]) -> None:
    read(draw(RunRecord("job", 0.0, {}, {}, {})))


def test_what_all_need_all_of_is_drawn_with_a_line_for_each_and_not_for_each_pair() -> None:
    early, late = ([f"{word}-{at}" for at in range(20)] for word in ("early", "late"))
    every = {name: OperationRecord(name) for name in (*early, *late, "last")}
    needs = {name: tuple(early) for name in late} | {"last": tuple(late)}
    drawn = read(graph(RunRecord("job", 0.0, needs, {}, every)))
    few = read(graph(RunRecord("job", 0.0, {"late-0": ("early-0", "early-1")}, {}, every)))

    assert [tag for tag, _ in drawn.tags].count("path") == 20 + 20 + 20
    assert [tag for tag, _ in drawn.tags].count("circle") == 1
    assert [tag for tag, _ in few.tags].count("path") == 2
    assert "circle" not in [tag for tag, _ in few.tags]


def test_a_name_that_is_not_utf8_is_shown_escaped() -> None:
    assert "a\\udcff" in page_text(RunRecord("a\udcff", 0.0, {}, {}, {}))


def test_the_command_writes_the_page_of_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blob").write_bytes(b"x" * 100_000)
    line = 'kind = "make"\nindex = "blob.caibx"\nblob = "blob"\n'
    (tmp_path / "job.toml").write_text(f"version = 1\n[operations.make]\n{line}")

    assert main(["run", "job.toml", "-q", "--report", "report.html"]) == 0
    texts = read((tmp_path / "report.html").read_text()).texts
    assert "Done" in texts
    assert "cut 97.7 KiB into 1 chunk, stored no chunks" in texts


def shown(page: Path, profile: Path, *options: str) -> str:
    command = [
        require_program("chromium"), "--headless", "--no-sandbox", "--disable-gpu",
        "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}",
        f"--window-size={WIDTH},1600", "--hide-scrollbars", *options, page.as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


MEASURING = """<script>
const wide = document.documentElement.scrollWidth, outside = [];
for (const text of document.querySelectorAll("svg text")) {
  const svg = text.ownerSVGElement, box = text.getBBox();
  if (box.x < 0 || box.y < -1 || box.x + box.width > svg.width.baseVal.value
      || box.y + box.height > svg.height.baseVal.value + 1) outside.push(text.textContent);
}
for (const bar of document.querySelectorAll("rect.node")) {
  const name = bar.parentNode.querySelector("text").getBBox();
  if (name.x + name.width > bar.x.baseVal.value + bar.width.baseVal.value) outside.push("node");
}
document.documentElement.dataset.measured = wide + " " + outside.length + " "
  + document.querySelectorAll("svg[role=img]").length + " " + outside.join("|");
</script>"""


def test_a_browser_shows_the_page_without_anything_sticking_out(tmp_path: Path) -> None:
    text = page_text(hostile_run())
    policy = text[text.index("<meta http-equiv") : text.index('<meta name="viewport"')]
    # The page itself allows no script; this copy has one that measures it.
    (tmp_path / "page.html").write_text(text.replace(policy, "").replace("</body>", MEASURING))

    dom = shown(tmp_path / "page.html", tmp_path / "profile", "--dump-dom")

    assert f'data-measured="{WIDTH} 0 3 "' in dom, dom[:300]
