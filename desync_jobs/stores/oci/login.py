"""A login: who we are to a registry."""

from base64 import b64encode
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Login:
    """A user with a password, or with a token that stands for both."""

    username: str
    password: str = field(repr=False)
    identity_token: str = field(default="", repr=False)
    """What the token server gave when the user logged in; then there is no password."""

    @property
    def basic(self) -> str:
        """The value of an `Authorization` header."""
        return f"Basic {b64encode(f'{self.username}:{self.password}'.encode()).decode()}"
