"""What a user has to be told while the run goes on."""

from collections.abc import Callable

from desync_jobs.report.events import Attached, Event, Listening, Mounted, Warned


class NoticeReporter:
    """Says each `Warned` event in a line and, unless `quiet`, what is there to be used."""

    def __init__(self, say: Callable[[str], None], *, quiet: bool = False) -> None:
        """`say` shows one line of text; it must be safe to call from many threads."""
        self._say = say
        self._quiet = quiet

    def emit(self, event: Event) -> None:
        match event:
            case Warned():
                self._say(f"warning: {event.operation}: {event.message}")
            case Listening() if not self._quiet:
                self._say(f"{event.operation}: listening on {', '.join(event.urls)}")
            case Mounted() if not self._quiet:
                self._say(f"{event.operation}: mounted at {event.path}")
            case Attached() if not self._quiet:
                self._say(f"{event.operation}: attached {event.device}")
            case _:
                pass

    def close(self) -> None:
        """Have nothing to release."""
