"""The console's settings. Without a way to sign in it listens on this machine alone and only shows."""

from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr, model_validator

from tidemark.settings import PREFIX, RunnerSettings, Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHORTEST_TOKEN = 16


class AccessSettings(Settings):
    """`console_host`: where it listens. `console_url`: how browsers reach it, where that is not this machine.

    `console_token`, or what stands in `console_token_file`, lets whoever knows it act. `console_oidc_*`: an OpenID
    Connect provider's issuer and this client of it. `console_proxy_header`: the header in which a proxy that has
    signed people in names them, believed only from `console_proxy_addresses` (comma separated). `console_actors`:
    who of those signed in by provider or proxy may act, addresses or `@domain`, comma separated (empty: all of
    them). `console_session_key` keeps sessions over a restart.
    """

    console_host: str = "127.0.0.1"
    console_url: str | None = None
    console_token: SecretStr | None = None
    console_token_file: Path | None = None
    console_session_key: SecretStr | None = None
    console_oidc_issuer: str | None = None
    console_oidc_client: str | None = None
    console_oidc_secret: SecretStr | None = None
    console_proxy_header: str | None = None
    console_proxy_addresses: str = "127.0.0.1"
    console_actors: str = ""

    @model_validator(mode="after")
    def _sound(self) -> "AccessSettings":
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise ValueError(f"{PREFIX}CONSOLE_TOKEN has fewer than {SHORTEST_TOKEN} characters")
        oidc = (self.console_oidc_issuer, self.console_oidc_client, self.console_oidc_secret)
        if any(oidc) and not all(oidc):
            raise ValueError(f"{PREFIX}CONSOLE_OIDC_ISSUER, _CLIENT and _SECRET are needed together")
        if not self.is_local and not self.ways_in:
            raise ValueError(f"{PREFIX}CONSOLE_HOST is not this machine's own: a way to sign in is needed")
        for address in self.proxies:
            ip_address(address)
        return self

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it; then whoever can is allowed to look."""
        return self.console_host in LOOPBACK and (self._public_host is None or self._public_host in LOOPBACK)

    @cached_property
    def token(self) -> str | None:
        """What lets people in; ValueError: its file cannot be read."""
        if self.console_token is not None or self.console_token_file is None:
            return self.console_token.get_secret_value() if self.console_token else None
        try:
            return self.console_token_file.read_text().strip()
        except OSError as error:
            raise ValueError(f"{PREFIX}CONSOLE_TOKEN_FILE cannot be read: {error.strerror}") from error

    @property
    def ways_in(self) -> list[str]:
        """How people can sign in."""
        ways = {"token": self.token, "oidc": self.console_oidc_issuer, "proxy": self.console_proxy_header}
        return [name for name, given in ways.items() if given]

    @property
    def hosts(self) -> frozenset[str]:
        """The names under which it may be asked: any other is somebody's attempt to reach it through a browser."""
        return frozenset({*LOOPBACK, *([self._public_host] if self._public_host else [])})

    @property
    def _public_host(self) -> str | None:
        return urlsplit(self.console_url).hostname if self.console_url else None

    @property
    def is_https(self) -> bool:
        return bool(self.console_url and self.console_url.startswith("https://"))

    @property
    def proxies(self) -> list[str]:
        return [address.strip() for address in self.console_proxy_addresses.split(",") if address.strip()]

    @property
    def actors(self) -> list[str]:
        return [name.strip().lower() for name in self.console_actors.split(",") if name.strip()]


class ConsoleSettings(RunnerSettings, AccessSettings):
    """`console_port` 0: any free port. `console_data`: the folder of its state, which may be deleted at any time.

    `trace_page`: the address of a trace, with `{trace_id}` in it. Limits of the watch, in seconds unless said: a run is
    stuck when its stage has not ended for `stuck_seconds`; lag grows when it has not fallen for `lag_seconds`; a table
    may have `quality_limit` of a run's rows (share, 0 to 1) held, quarantined or flagged; a dataset's stages may work
    `cost_limit_seconds` a day (UTC).
    """

    console_port: int = 0
    console_data: Path = Path(".tidemark/console")
    trace_page: str | None = None
    stuck_seconds: float = 3600.0
    lag_seconds: float = 900.0
    quality_limit: float = 0.2
    cost_limit_seconds: float = 14_400.0
