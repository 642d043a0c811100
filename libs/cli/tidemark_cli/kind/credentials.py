"""kind/secrets.toml: what the cluster needs to know of S3, Glue and Snowflake, and its Secrets.

The Secrets reach kubectl by its standard input; the rest becomes values of the chart.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tidemark.errors import SettingsError

NAMESPACE = "tidemark"


class Lake(Struct, frozen=True, forbid_unknown_fields=True):
    """S3 and Glue; endpoints only for a stand-in."""

    warehouse: str
    state: str
    region: str
    access_key_id: str
    secret_access_key: str
    session_token: str = ""
    glue_endpoint: str = ""
    s3_endpoint: str = ""


class Snowflake(Struct, frozen=True, forbid_unknown_fields=True):
    """Snowflake; a key file or a password. Host, port and protocol only for a stand-in."""

    account: str
    user: str
    private_key_file: str = ""
    passphrase: str = ""
    password: str = ""
    role: str = ""
    warehouse: str = ""
    host: str = ""
    port: int = 0
    protocol: str = ""


class ClickHouse(Struct, frozen=True, forbid_unknown_fields=True):
    """The cluster's own ClickHouse."""

    password: str


class Console(Struct, frozen=True, forbid_unknown_fields=True):
    """The token with which people act on the console's pages; without one they only look."""

    token: str = ""


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    lake: Lake
    snowflake: Snowflake
    clickhouse: ClickHouse
    console: Console = Console()


def read(path: Path) -> Credentials:
    """The file's content. SettingsError says what to do, and shows no value."""
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=Credentials)
    except FileNotFoundError:
        example = path.with_name("secrets.example.toml")
        raise SettingsError(f"{path} is missing: copy {example.name} beside it and fill it in") from None
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SettingsError(f"{path} is no TOML; a Windows path stands in single quotes") from None
    empty = [name for name in ("access_key_id", "secret_access_key") if not getattr(found.lake, name)]
    if empty:
        raise SettingsError(f"{path}: [lake] {', '.join(empty)} is empty")
    if bool(found.snowflake.private_key_file) == bool(found.snowflake.password):
        raise SettingsError(f"{path}: [snowflake] needs one of private_key_file and password")
    return found


def values(known: Credentials) -> str:
    """The chart's values that the file decides, as JSON, which YAML is too; no secret among them."""
    lake, snowflake = known.lake, known.snowflake
    return json.dumps(
        {
            "lake": {
                "warehouse": lake.warehouse,
                "state": lake.state,
                "region": lake.region,
                "glueEndpoint": lake.glue_endpoint,
                "s3Endpoint": lake.s3_endpoint,
            },
            "snowflake": {
                "account": snowflake.account,
                "user": snowflake.user,
                "role": snowflake.role,
                "warehouse": snowflake.warehouse,
                "auth": "key" if snowflake.private_key_file else "password",
                "host": snowflake.host,
                "port": snowflake.port,
                "protocol": snowflake.protocol,
            },
            "console": {"secret": "tidemark-console" if known.console.token else ""},
        }
    )


def secrets(known: Credentials) -> str:
    """The Secrets as one JSON List. SettingsError: the key file cannot be read."""
    lake, snowflake = known.lake, known.snowflake
    keys = {"passphrase": snowflake.passphrase, "password": snowflake.password}
    if snowflake.private_key_file:
        keys["private-key.p8"] = _text(Path(snowflake.private_key_file).expanduser())
    aws = {"access-key-id": lake.access_key_id, "secret-access-key": lake.secret_access_key}
    items = [
        _secret("lake", aws | {"session-token": lake.session_token}),
        _secret("snowflake", keys),
        _secret("clickhouse", {"password": known.clickhouse.password}),
        _secret("console", {"token": known.console.token}),
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _secret(name: str, entries: dict[str, str]) -> dict[str, Any]:
    metadata = {"name": f"tidemark-{name}", "namespace": NAMESPACE}
    given = {key: value for key, value in entries.items() if value}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": given}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the private key {path} cannot be read: {type(error).__name__}") from None
