"""Tokens: asked for at the server that the registry names, each with an end of its life.

The protocol of Docker's token authentication: GET with the password as `Authorization`, or, where
only an identity token is known, the POST of OAuth 2 (distribution's docs/spec/auth).
"""

import json
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode, urlsplit

from desync_jobs.errors import StoreError
from desync_jobs.stores.http.client import HttpClient
from desync_jobs.stores.http.failures import status_failure
from desync_jobs.stores.http.messages import Request, Response
from desync_jobs.stores.oci.addresses import is_web_address, with_query
from desync_jobs.stores.oci.challenges import Challenge
from desync_jobs.stores.oci.login import Login
from desync_jobs.stores.policy.retry import Failure, Fault

_GIVEN: Final = 200
_ANSWER_LIMIT: Final = 1 << 20
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,65536}")
_SHORTEST_LIFE: Final = 60.0
"""Seconds; the life of a token that does not tell, and less is not meant to be given."""
_LONGEST_LIFE: Final = 86400.0
_CLIENT: Final = "desync-run"


@dataclass(frozen=True, slots=True)
class Token:
    """What shows a registry that its token server knows us."""

    text: str = field(repr=False)
    life: float
    """Seconds from when it was asked for."""


def ask_for_token(
    client: HttpClient, challenge: Challenge, scopes: frozenset[str], login: Login | None
) -> Token:
    """Return a token that is good for `scopes`, asked for as `login`, or as nobody.

    Raises `StoreError` where the server gives none.
    """
    realm = challenge.parameters.get("realm", "")
    service = challenge.parameters.get("service", "")
    ordered = sorted(scopes)
    fields = [("service", service)] if service else []
    headers: tuple[str, ...] = ()
    if login is not None and login.identity_token:
        fields += [
            ("scope", " ".join(ordered)),
            ("client_id", _CLIENT),
            ("grant_type", "refresh_token"),
            ("refresh_token", login.identity_token),
        ]
        headers = ("Content-Type: application/x-www-form-urlencoded",)
        request = Request("POST", realm, headers, urlencode(fields).encode(), _ANSWER_LIMIT)
    else:
        fields += [("scope", scope) for scope in ordered]
        if login is not None:
            headers = (f"Authorization: {login.basic}",)
        request = Request("GET", with_query(realm, urlencode(fields)), headers, limit=_ANSWER_LIMIT)
    (token,) = client.exchange("get a token from", [request], _token)
    return token


def check_realm(label: str, realm: str, *, secure: bool) -> str:
    """Return the host and port of a token server; `StoreError` where nothing may be sent to it."""
    if not is_web_address(realm):
        raise StoreError(
            f"{label}: the registry names {realm!a} as its token server, which is none"
        )
    if secure and not realm.startswith("https:"):
        raise StoreError(
            f"{label}: the registry has TLS and its token server {realm} has not; "
            "nothing is sent there"
        )
    return urlsplit(realm).netloc


def _token(_: int, response: Response) -> Token | Failure:
    if response.status != _GIVEN:
        return status_failure(response)
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        answer = None
    fields = answer if isinstance(answer, dict) else {}
    text = fields.get("token") or fields.get("access_token")
    if response.cut or not isinstance(text, str) or not _TOKEN.fullmatch(text):
        return Failure("the answer has no token in it", Fault.PERMANENT)
    life = fields.get("expires_in")
    if not isinstance(life, int | float) or not life > _SHORTEST_LIFE:
        return Token(text, _SHORTEST_LIFE)
    return Token(text, min(life, _LONGEST_LIFE))
