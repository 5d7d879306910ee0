"""Passes bytes between clients and a server, until it is told to cut them off."""

import socket
from contextlib import suppress
from threading import Event, Thread
from typing import Final

_AT_ONCE: Final = 4096


class Relay:
    """A port that stands for `port`, also for those who come after a cut."""

    def __init__(self, port: int) -> None:
        self.connections = 0
        """How many there were so far."""
        self.heard: list[bytes] | None = None
        """What was passed either way, where somebody put a list here to keep it."""
        self._to = port
        self._left: int | None = None
        self._held: bytes | None = None
        self._released = Event()
        self.holding = Event()
        """Set while something is held back."""
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        self._passing: list[Thread] = []

    def cut(self) -> None:
        """Cut every connection."""
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def cut_after(self, size: int) -> None:
        """Cut every connection when `size` more bytes went either way."""
        self._left = size

    def hold(self, text: bytes) -> None:
        """Hold back what has `text` in it, and what comes after that on its connection."""
        self._held = text

    def release(self) -> None:
        """Let pass what was held back, and everything from now on."""
        self._held = None
        self._released.set()

    def close(self) -> None:
        """Cut every connection, and take no more."""
        self.release()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        self.cut()
        for thread in self._passing:
            thread.join()
        for one in self._open:
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                self.connections += 1
                self._open += [client, server]
                for ends in ((client, server), (server, client)):
                    self._passing.append(Thread(target=self._pass, args=ends, daemon=True))
                    self._passing[-1].start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_AT_ONCE):
                if self.heard is not None:
                    self.heard.append(data)
                if self._left is not None:
                    self._left -= len(data)
                    if self._left < 0:
                        self._left = None
                        self.cut()
                        return
                if self._held is not None and self._held in data:
                    self.holding.set()
                    self._released.wait()
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
