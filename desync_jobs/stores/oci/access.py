"""The header lines of one registry: nothing, a password or a token, whatever it asks to see.

Nothing is shown before the registry has refused a request, and nothing but what it then asks
for. A token is kept until it expires, and is asked for anew with more scopes when they are needed.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

from desync_jobs.stores.http.client import HttpClient
from desync_jobs.stores.http.messages import Response
from desync_jobs.stores.oci.challenges import Challenge, parse_challenges
from desync_jobs.stores.oci.lookup import FindLogin
from desync_jobs.stores.oci.tokens import ask_for_token, check_realm

_UNAUTHORIZED: Final = 401
_SPARED: Final = 0.1
"""The part of a token's life, at its end, in which it is no longer used."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is shown to the registry now."""

    lines: tuple[str, ...] = ()
    challenge: Challenge | None = None
    """What asked for a token; None where there is none."""
    scopes: frozenset[str] = frozenset()
    """What the token is good for."""
    until: float = math.inf
    """By the clock."""


class RegistryAccess:
    """Header lines for an `HttpClient`. Safe to call from many threads.

    `client_for` returns the client that asks the token server on a host; `secure` says that the
    registry has TLS, so that its token server must have it too.
    """

    def __init__(
        self,
        label: str,
        find_login: FindLogin,
        client_for: Callable[[str], HttpClient],
        *,
        secure: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._find_login = find_login
        self._client_for = client_for
        self._secure = secure
        self._clock = clock
        self._lock = Lock()
        self._generation = 1
        self._shown = _Shown()

    def current(self) -> tuple[int, tuple[str, ...]]:
        """Return the lines; a token that is about to expire is renewed."""
        with self._lock:
            shown = self._shown
            if shown.challenge is not None and self._clock() >= shown.until:
                self._show(self._with_token(shown.challenge, shown.scopes))
            return self._generation, self._shown.lines

    def renew(self, generation: int, refusal: Response) -> bool:
        """Tell whether there are other lines than those of `generation`, which were refused."""
        if refusal.redirected or refusal.status != _UNAUTHORIZED:
            return False  # others than the registry have no say in what it is shown
        challenges = {
            one.scheme: one for one in parse_challenges(refusal.headers.get("www-authenticate", ""))
        }
        with self._lock:
            if "bearer" in challenges:
                return self._renew_token(generation, challenges["bearer"])
            if generation != self._generation:
                return True
            return "basic" in challenges and self._renew_password()

    def _renew_token(self, generation: int, challenge: Challenge) -> bool:
        scopes = self._shown.scopes | challenge.scopes
        if generation == self._generation or scopes != self._shown.scopes:
            self._show(self._with_token(challenge, scopes))
        return True

    def _renew_password(self) -> bool:
        login = self._find_login()
        lines = () if login is None else (f"Authorization: {login.basic}",)
        if lines == self._shown.lines:
            return False
        self._show(_Shown(lines))
        return True

    def _show(self, shown: _Shown) -> None:
        self._shown = shown
        self._generation += 1

    def _with_token(self, challenge: Challenge, scopes: frozenset[str]) -> _Shown:
        host = check_realm(self._label, challenge.parameters.get("realm", ""), secure=self._secure)
        began = self._clock()
        token = ask_for_token(self._client_for(host), challenge, scopes, self._find_login())
        until = began + token.life * (1 - _SPARED)
        return _Shown((f"Authorization: Bearer {token.text}",), challenge, scopes, until)
