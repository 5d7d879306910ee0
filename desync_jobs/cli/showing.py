"""How a run is shown: which reporters it has, and where each of them writes."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from desync_jobs.cli.failures import PROGRAM, complain
from desync_jobs.cli.options import RunOptions
from desync_jobs.cli.output import write_line
from desync_jobs.errors import DesyncRunError, TargetError, UsageError
from desync_jobs.report.console import ConsoleReporter
from desync_jobs.report.events import Reporter, Reporters
from desync_jobs.report.jsonl import JsonLinesReporter
from desync_jobs.report.lines import LineReporter
from desync_jobs.report.notices import NoticeReporter
from desync_jobs.report.parsable import ParsableReporter

if TYPE_CHECKING:
    from desync_jobs.report.record import RunRecord

PARSABLE_VARIABLE: Final = "DESYNC_ENABLE_PARSABLE_PROGRESS"
"""Set to anything, it asks for progress as lines; desync's name."""
BAR_VARIABLE: Final = "DESYNC_PROGRESSBAR_ENABLED"
"""Set to anything, it asks for a bar even where standard error is no terminal; desync's name."""
MANAGER_VARIABLE: Final = "NOTIFY_SOCKET"
"""The socket of a service manager that wants to be told when a server or a mount is ready."""
STANDARD: Final = "-"


@dataclass(frozen=True, slots=True)
class Audience:
    """Who reads what a run writes."""

    options: RunOptions
    lines: bool
    """Whether people are told, in a line each, what became of the operations."""
    data_on_stdout: bool
    """Whether what was asked for is itself written to standard output."""

    def check(self) -> None:
        """Raise `UsageError` where two kinds of output would be mixed on standard output."""
        if self.options.events != STANDARD:
            return
        if self.options.as_json or self.data_on_stdout:
            raise UsageError("--events - and other output need standard output; name a file")

    @property
    def stdout_is_taken(self) -> bool:
        """Whether standard output is for programs, so that lines for people go elsewhere."""
        return self.data_on_stdout or self.options.events == STANDARD


@contextmanager
def shown_to(audience: Audience, environment: Mapping[str, str]) -> Iterator[Reporter]:
    """Yield the reporter of a run; it is closed at the end."""
    audience.check()
    options = audience.options
    with ExitStack() as opened:
        members: list[Reporter] = []
        if options.events is not None:
            stream = opened.enter_context(_events_stream(options.events))
            members.append(JsonLinesReporter(stream, options.events, _warn))
        if options.verbose and sys.stderr is not None:
            members.append(JsonLinesReporter(sys.stderr.buffer, "standard error", _warn))
        progress = None if options.quiet or options.verbose else _progress(environment)
        if progress is not None:
            members.append(progress)
        console = progress if isinstance(progress, ConsoleReporter) else None
        members.append(NoticeReporter(_warning_to(console), quiet=options.quiet))
        if audience.lines and not options.quiet and not options.as_json:
            members.append(LineReporter(_lines_to(console, audience)))
        if environment.get(MANAGER_VARIABLE):
            # Few runs are started by a service manager; the others need no sockets for this.
            from desync_jobs.report.systemd import SystemdReporter

            members.append(SystemdReporter(environment[MANAGER_VARIABLE]))
        readers = [*_readers(options), *_tracers(environment)]
        if readers:
            from desync_jobs.report.record import RecordReporter

            members.append(RecordReporter(*readers))
        reporter = Reporters(*members)
        opened.callback(reporter.close)
        yield reporter


def _readers(options: RunOptions) -> list[Callable[["RunRecord"], None]]:
    """Return what is done with the run as a whole when it has ended."""
    readers: list[Callable[[RunRecord], None]] = []
    if options.metrics is not None:
        from desync_jobs.report.prometheus import metrics_text

        readers.append(_publisher(options.metrics, "figures", metrics_text))
    if options.page is not None:
        from desync_jobs.report.page import page_text

        readers.append(_publisher(options.page, "the report", page_text))
    return readers


def _tracers(environment: Mapping[str, str]) -> list[Callable[["RunRecord"], None]]:
    if not any(name.startswith("OTEL_") for name in environment):
        return []
    from desync_jobs.report.tracing import otlp_exporter, send_trace, traces_wanted

    if not traces_wanted(environment):
        return []
    try:
        exporter = otlp_exporter()
    except ImportError:
        # The variables are often those of a whole machine: a run is not kept from its work.
        _warn("OTEL_* variables ask for traces, which need: pip install 'desync-jobs[otel]'")
        return []
    return [lambda run: send_trace(run, exporter, environment, _warn)]


def _publisher(
    path: str, what: str, text: Callable[["RunRecord"], str]
) -> Callable[["RunRecord"], None]:
    from desync_jobs.execute.published import publish_text

    # What cannot work is found out before the run, not after it.
    if os.path.isdir(path) or not os.path.isdir(os.path.dirname(path) or "."):
        raise TargetError(f"{path}: {what} cannot be written: no such folder, or a folder itself")

    def publish(run: "RunRecord") -> None:
        try:
            publish_text(path, text(run))
        except DesyncRunError as error:
            _warn(f"{what}: {error}")

    return publish


@contextmanager
def _events_stream(name: str) -> Iterator[BinaryIO]:
    if name == STANDARD:
        if sys.stdout is None:
            raise TargetError("standard output is closed; name a file for --events")
        yield sys.stdout.buffer
        return
    try:
        stream = open(name, "wb")  # noqa: SIM115 -- only opening is guarded here
    except OSError as error:
        raise TargetError(f"{name}: events cannot be written: {error.strerror}") from error
    try:
        yield stream
    finally:
        # Every line was flushed; what is left is what could not be written, which was said.
        with suppress(OSError):
            stream.close()


def _progress(environment: Mapping[str, str]) -> Reporter | None:
    if sys.stderr is None:
        return None
    if environment.get(PARSABLE_VARIABLE):
        return ParsableReporter(_to_stderr)
    if environment.get(BAR_VARIABLE) or sys.stderr.isatty():
        return ConsoleReporter(sys.stderr)
    return None


def _warn(message: str) -> None:
    complain(f"warning: {message}")


def _warning_to(console: ConsoleReporter | None) -> Callable[[str], None]:
    if console is None:
        return complain
    return lambda line: console.say(f"{PROGRAM}: {line}")


def _lines_to(console: ConsoleReporter | None, audience: Audience) -> Callable[[str], None]:
    if audience.stdout_is_taken:
        return _to_stderr if console is None else console.say
    if console is not None and sys.stdout is not None and sys.stdout.isatty():
        return console.say  # both are the same terminal; a line has to go above the bar
    return _to_stdout


def _to_stdout(line: str) -> None:
    try:
        write_line(line)
    except (DesyncRunError, OSError):
        # Lines are a courtesy: a run goes on when nobody reads them.
        return


def _to_stderr(line: str) -> None:
    try:
        os.write(sys.stderr.fileno(), f"{line}\n".encode("utf-8", "surrogateescape"))
    except OSError:
        return
