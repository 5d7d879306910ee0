"""A page about a run, in HTML: one file, readable without a network, scripts or colours.

Everything that was not written here is escaped, and the page forbids itself to load or to run
anything. User and password in a URL are left out: whoever reads a report need not know them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

from desync_jobs._version import __version__
from desync_jobs.report.deeds import deed
from desync_jobs.report.drawing import bytes_bars, colours_of, graph, shares_of, time_line
from desync_jobs.report.record import OperationRecord, RunRecord
from desync_jobs.report.styles import STYLES
from desync_jobs.report.words import in_bytes, in_seconds

_USER_OF_URL: Final = re.compile(r"(?<=://)[^/@\s]+@")
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_SHORT: Final = 14
"""Letters of what is never broken into lines."""
_PLACE_COLUMNS: Final = (
    "chunks", "bytes", "stored_bytes", "requests", "retries", "chunks_added",
    "stored_bytes_added", "seconds",
)  # fmt: skip


def page_text(run: RunRecord) -> str:
    """Return the page about `run`."""
    body = "\n".join(_body(run))
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_safe(run.job)}: {_outcome(run)}</title>\n<style>{STYLES}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
    # A file name that is not UTF-8 has lone surrogates, which have no bytes in UTF-8.
    return text.encode("utf-8", "backslashreplace").decode()


def _body(run: RunRecord) -> Iterator[str]:
    began = datetime.fromtimestamp(run.started, UTC).isoformat(sep=" ", timespec="seconds")
    good = "good" if run.exit_code == 0 else "bad"
    yield f"<h1>{_safe(run.job)}</h1>"
    yield f'<p class="outcome {good}">{_outcome(run)}</p>'
    yield f"<p>Began at {began.removesuffix('+00:00')} UTC, took {in_seconds(run.seconds)}; "
    yield f"desync-run {__version__}.</p>"
    if run.error is not None:
        yield f'<p class="message">{_safe(run.error)}</p>'
    yield from _messages(run)
    yield from _section("Operations", _operations(run))
    yield from _section("Order", [_scrolled("Order", graph(run))])
    yield from _section("Time line", [_scrolled("Time line", time_line(run)), *_phases(run)])
    giving = [one for one in run.operations.values() if shares_of(one)]
    if giving:
        colours = colours_of(giving)
        legend = "".join(
            f'<li><svg width="14" height="14" aria-hidden="true"><rect class="{colour}" width="14" '
            f'height="14" rx="2"/></svg> {_safe(name)}</li>'
            for name, colour in colours.items()
        )
        rows = [
            (one.name, name, in_bytes(size), f"{100 * size / sum(shares_of(one).values()):.1f} %")
            for one in giving
            for name, size in shares_of(one).items()
        ]
        yield from _section(
            "Bytes by source",
            [
                _scrolled("Bytes by source", bytes_bars(giving, colours)),
                f'<ul class="legend">{legend}</ul>',
                _table(("operation", "source", "bytes", "share"), rows),
            ],
        )
    yield from _places(run)
    if run.variables:
        yield from _section("Variables", [_table(("name", "value"), run.variables.items())])


def _outcome(run: RunRecord) -> str:
    return "Done" if run.exit_code == 0 else f"Ended with exit code {run.exit_code}"


def _messages(run: RunRecord) -> Iterator[str]:
    errors = [(one.name, one.error) for one in run.operations.values() if one.error is not None]
    if errors:
        yield from _section("Errors", [_table(("operation", "error"), errors)])
    if run.warnings:
        yield from _section("Warnings", [_table(("operation", "warning"), run.warnings)])


def _operations(run: RunRecord) -> Iterator[str]:
    rows = [
        (
            one.name,
            one.kind,
            one.status,
            in_seconds(one.ended - one.began),
            _deed(one),
        )
        for one in run.operations.values()
    ]
    yield _table(("operation", "kind", "outcome", "time", "what was done"), rows)


def _deed(one: OperationRecord) -> str:
    if one.status == "unchanged":
        return "nothing: the result was there already"
    return deed(one.kind, one.statistics) if one.statistics else one.reason


def _phases(run: RunRecord) -> Iterator[str]:
    rows = [
        (
            one.name,
            phase.name,
            in_seconds(phase.ended - phase.began),
            in_bytes(phase.done) if phase.unit == "bytes" else f"{phase.done:,} {phase.unit}",
        )
        for one in run.operations.values()
        for phase in one.phases
    ]
    if rows:
        yield _table(("operation", "phase", "time", "done"), rows)


def _places(run: RunRecord) -> Iterator[str]:
    rows = [
        (one.name, place, *(_figure(name, figures.get(name, 0)) for name in _PLACE_COLUMNS))
        for one in run.operations.values()
        for place, figures in one.by_name("stores").items()
    ]
    if rows:
        columns = [name.replace("_", " ") for name in _PLACE_COLUMNS]
        table = _table(("operation", "place", *columns), rows)
        yield from _section("Stores and caches", [table])


def _figure(name: str, value: float) -> str:
    if name == "seconds":
        return in_seconds(value)
    return in_bytes(int(value)) if "bytes" in name else f"{value:,}"


def _section(title: str, parts: Iterable[str]) -> Iterator[str]:
    yield f"<section>\n<h2>{title}</h2>"
    yield from parts
    yield "</section>"


def _scrolled(label: str, content: str) -> str:
    """Let what is wider than the page be scrolled by itself, by keys too."""
    return f'<div class="wide" tabindex="0" role="group" aria-label="{label}">{content}</div>'


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    body = "\n".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    return _scrolled(f"Table of {columns[0]} and {columns[1]}", table)


def _cell(text: str) -> str:
    # A figure and its unit stay on one line.
    kept = ' class="short"' if len(text) <= _SHORT else ""
    return f"<td{kept}>{_safe(text)}</td>"


def _safe(text: str) -> str:
    return escape(_USER_OF_URL.sub("", text))
