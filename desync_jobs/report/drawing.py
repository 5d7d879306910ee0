"""Pictures of a run in SVG: its graph, its time line, and where its bytes came from.

Each is one `<svg>` that stands in a page, with a title and a description for those who do not see
it. Colours are the page's variables, so that they follow its light or dark scheme. Names that are
too long for their place are cut; the whole name is in a tooltip.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

from desync_jobs.report.record import OperationRecord, RunRecord
from desync_jobs.report.words import in_bytes, in_seconds

WIDTH: Final = 880
_NAME_WIDTH: Final = 190
_ROW: Final = 44
_NODE_WIDTH: Final = 190
_NODE_HEIGHT: Final = 46
_GAP: Final = 50
_LETTERS: Final = 24
_PAIR: Final = 2
_FEW: Final = 8
"""Lines from each of some operations to each of others that can still be told apart."""
_HUES: Final = 6
_TICKS: Final = 4
_FIXED: Final[Mapping[str, str]] = {"in place": "place", "zeros": "zeros", "target": "target"}


def graph(run: RunRecord) -> str:
    """Draw the operations in columns: each right of all that it needs."""
    columns: dict[str, int] = {}
    above: dict[str, set[str]] = {}
    for name in run.operations:
        needs = [need for need in run.needs.get(name, ()) if need in columns]
        columns[name] = 1 + max((columns[need] for need in needs), default=-1)
        above[name] = set(needs).union(*(above[need] for need in needs))
    rows: dict[int, int] = {}

    def place_in(column: int) -> tuple[int, int]:
        row = rows.get(column, 0)
        rows[column] = row + 1
        return column * (_NODE_WIDTH + _GAP) + 2, row * (_NODE_HEIGHT + 16) + 2

    places = {name: place_in(column) for name, column in columns.items()}

    def passing(begin: int, end: int) -> list[tuple[int, int]]:
        # What leads past a column has a place there, so that it crosses no operation.
        return [place_in(past) for past in range(begin, end)]

    lines = []
    gaps: dict[int, int] = {}
    for needed, names in _bundles(run, above).items():
        known = [need for need in needed if need in places]
        if min(len(known), len(names)) < _PAIR or len(known) * len(names) <= _FEW:
            for name in names:
                for need in known:
                    between = passing(columns[need] + 1, columns[name])
                    lines.append(_edge(_right(places[need]), between, places[name]))
            continue
        # Where everything needs everything, lines from each to each would hide all others.
        last = max(columns[need] for need in known)
        ways = {need: passing(columns[need] + 1, last + 1) for need in known}
        ends = [way[-1] if way else places[need] for need, way in ways.items()]
        gaps[last] = gaps.get(last, 0) + 1
        joint = (
            _right(ends[0])[0] + min(10 + 6 * gaps[last], _GAP - 15),
            sum(y for _, y in ends) // len(ends) + _NODE_HEIGHT // 2,
        )
        lines += [_meeting(_right(places[need]), way, joint) for need, way in ways.items()]
        lines += [_edge(joint, passing(last + 1, columns[one]), places[one]) for one in names]
        lines.append(f'<circle class="joint" cx="{joint[0]}" cy="{joint[1]}" r="3.5"/>')
    lines += [_node(one, places[one.name]) for one in run.operations.values()]
    width = max((x for x, _ in places.values()), default=0) + _NODE_WIDTH + 2
    height = max(rows.values(), default=1) * (_NODE_HEIGHT + 16) - 12
    told = "; ".join(
        f"{name} needs {', '.join(run.needs[name])}"
        for name in run.operations
        if run.needs.get(name)
    )
    return _picture("graph", (width, height), "Order of the operations", told, lines)


def time_line(run: RunRecord) -> str:
    """Draw when each operation was at work, and its phases below it."""
    span = max([run.seconds, *(one.ended for one in run.operations.values()), 1e-3])
    room = WIDTH - _NAME_WIDTH - 70

    def at(seconds: float) -> float:
        return _NAME_WIDTH + room * min(1.0, max(0.0, seconds / span))

    height = len(run.operations) * _ROW + 24
    lines = []
    for tick in range(_TICKS + 1):
        seconds = span * tick / _TICKS
        x = at(seconds)
        lines.append(f'<line class="grid" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height - 20}"/>')
        lines.append(_text(x, height - 6, in_seconds(seconds), "small middle"))
    for row, one in enumerate(run.operations.values()):
        y = row * _ROW + 6
        lines.append(_text(0, y + 15, one.name, "name"))
        began = one.kind and one.status != "skipped"
        took = in_seconds(one.ended - one.began) if began else one.status
        lines.append(_text(at(one.ended) + 6, y + 15, took, "small"))
        if began:
            tip = f"{one.name}: {one.status}, {took}"
            lines.append(_bar(at(one.began), y, at(one.ended) - at(one.began), 18, one.status, tip))
        for number, phase in enumerate(one.phases):
            lasted = in_seconds(phase.ended - phase.began)
            width = at(phase.ended) - at(phase.began)
            colour = f"hue{number % _HUES}"
            lines.append(_bar(at(phase.began), y + 21, width, 9, colour, f"{phase.name}: {lasted}"))
    return _picture("time", (WIDTH, height), "Time line of operations and phases", "", lines)


def shares_of(one: OperationRecord) -> dict[str, int]:
    """Return the bytes that each store, cache and local source gave, those above zero."""
    shares: dict[str, int] = {}
    for table in ("stores", "sources"):
        for name, figures in one.by_name(table).items():
            size = int(figures.get("bytes", 0))
            if size > 0:
                shares[name] = size
    return shares


def colours_of(operations: Iterable[OperationRecord]) -> dict[str, str]:
    """Give every source its class of colour, the same in all pictures of a page."""
    names = dict.fromkeys(name for one in operations for name in shares_of(one))
    free = [name for name in names if name not in _FIXED]
    return {name: _FIXED.get(name) or f"hue{free.index(name) % _HUES}" for name in names}


def bytes_bars(operations: Sequence[OperationRecord], colours: Mapping[str, str]) -> str:
    """Draw for each operation a bar of its bytes, stacked by where they came from."""
    sizes = {one.name: sum(shares_of(one).values()) for one in operations}
    largest = max(sizes.values(), default=0) or 1
    room = WIDTH - _NAME_WIDTH - 90
    lines = []
    for row, one in enumerate(operations):
        y, x = row * _ROW + 6, float(_NAME_WIDTH)
        lines.append(_text(0, y + 18, one.name, "name"))
        for name, size in shares_of(one).items():
            width = room * size / largest
            share = 100 * size / sizes[one.name]
            tip = f"{name}: {in_bytes(size)} ({share:.1f} %)"
            lines.append(_bar(x, y, width, 26, colours[name], tip))
            x += width
        lines.append(_text(x + 6, y + 18, in_bytes(sizes[one.name]), "small"))
    height = len(operations) * _ROW
    return _picture("bytes", (WIDTH, height), "Bytes by where they came from", "", lines)


def _picture(name: str, size: tuple[int, int], title: str, told: str, lines: Iterable[str]) -> str:
    width, height = size
    described = f'<desc id="{name}-d">{escape(told)}</desc>' if told else ""
    labels = f"{name}-t {name}-d" if told else f"{name}-t"
    return (
        f'<svg id="{name}" role="img" aria-labelledby="{labels}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}">'
        f'<title id="{name}-t">{escape(title)}</title>{described}\n' + "\n".join(lines) + "\n</svg>"
    )


def _bundles(
    run: RunRecord, above: Mapping[str, set[str]]
) -> Mapping[tuple[str, ...], Sequence[str]]:
    """Return the operations by what they need, without what is needed on the way to that."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name in run.operations:
        needs = run.needs.get(name, ())
        nearest = [n for n in needs if not any(n in above.get(other, ()) for other in needs)]
        found.setdefault(tuple(sorted(nearest)), []).append(name)
    return found


def _node(one: OperationRecord, place: tuple[int, int]) -> str:
    x, y = place
    outcome = _class(one.status)
    box = (
        f'<rect class="node {outcome}" x="{x}" y="{y}" width="{_NODE_WIDTH}" '
        f'height="{_NODE_HEIGHT}" rx="7"/>'
    )
    below = f"{one.kind} · {one.status}" if one.kind else one.status
    name = _text(x + 10, y + 19, one.name, "name")
    return f"<g>{box}{name}{_text(x + 10, y + 36, below, 'small')}</g>"


def _right(place: tuple[int, int]) -> tuple[int, int]:
    """Return where lines leave an operation."""
    return place[0] + _NODE_WIDTH, place[1] + _NODE_HEIGHT // 2


def _edge(
    begin: tuple[int, int], between: Iterable[tuple[int, int]], place: tuple[int, int]
) -> str:
    """Draw a line to an operation."""
    x, y = place[0], place[1] + _NODE_HEIGHT // 2
    head = f"H{x}M{x - 7} {y - 4}L{x} {y}L{x - 7} {y + 4}"
    return f'<path class="edge" d="{_line(begin, between, (x - 7, y))}{head}"/>'


def _meeting(
    begin: tuple[int, int], between: Iterable[tuple[int, int]], joint: tuple[int, int]
) -> str:
    """Draw a line to where lines meet."""
    return f'<path class="edge" d="{_line(begin, between, joint)}"/>'


def _line(begin: tuple[int, int], between: Iterable[tuple[int, int]], end: tuple[int, int]) -> str:
    """Return a line from one point to another, through places in columns that it passes."""
    x, y = begin
    drawn = f"M{x} {y}"
    for left, top in between:
        level = top + _NODE_HEIGHT // 2
        bend = (x + left) // 2
        drawn += f"C{bend} {y} {bend} {level} {left} {level}H{left + _NODE_WIDTH}"
        x, y = left + _NODE_WIDTH, level
    bend = (x + end[0]) // 2
    return f"{drawn}C{bend} {y} {bend} {end[1]} {end[0]} {end[1]}"


def _bar(x: float, y: float, width: float, height: float, colour: str, tip: str) -> str:
    # What took no time, or gave little, is still there to be seen.
    return (
        f'<rect class="{_class(colour)}" x="{x:.1f}" y="{y}" width="{max(width, 1.5):.1f}" '
        f'height="{height}" rx="2"><title>{escape(tip)}</title></rect>'
    )


def _text(x: float, y: float, text: str, styles: str) -> str:
    shown = text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"
    tip = "" if shown == text else f"<title>{escape(text)}</title>"
    return f'<text class="{styles}" x="{x:.1f}" y="{y}">{escape(shown)}{tip}</text>'


def _class(status: str) -> str:
    return status.replace(" ", "-")
