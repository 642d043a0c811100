"""Settings, read once from TIDEMARK_* environment variables; every missing or wrong one is reported together.

A service's settings.py names the groups it needs: `class LoaderSettings(RunnerSettings, SnowflakeSettings)`, plus at
most a few fields of its own; its __main__ calls `load(LoaderSettings)`. An empty variable counts as missing.
Tuning constants are not settings: they stay in the code until somebody really varies them.
"""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tidemark.errors import SettingsError

PREFIX = "TIDEMARK_"


class Settings(BaseSettings):
    """Base of all groups: frozen, read from the environment only."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)


class KafkaSettings(Settings):
    """Where the broker is. The security fields are needed only where the broker asks for them."""

    kafka_bootstrap: str
    kafka_security_protocol: str | None = None
    kafka_sasl_mechanism: str | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ca_file: Path | None = None

    def connection(self) -> dict[str, Any]:
        """librdkafka's connection properties; only those that are set."""
        secret = self.kafka_sasl_password
        properties = {
            "bootstrap.servers": self.kafka_bootstrap,
            "security.protocol": self.kafka_security_protocol,
            "sasl.mechanism": self.kafka_sasl_mechanism,
            "sasl.username": self.kafka_sasl_username,
            "sasl.password": secret.get_secret_value() if secret else None,
            "ssl.ca.location": str(self.kafka_ca_file) if self.kafka_ca_file else None,
        }
        return _given(properties)


class RunnerSettings(KafkaSettings):
    """What every service needs. `otlp_endpoint` None: no traces leave. `health_port` 0: any free port."""

    otlp_endpoint: str | None = None
    health_host: str = "127.0.0.1"
    health_port: int = 0


class LakeSettings(Settings):
    """The lake. Credentials come from the standard AWS chain, never from here."""

    lake_warehouse: str = "s3://lake/warehouse"
    lake_state: str = "s3://lake/tidemark"
    aws_region: str = "us-east-1"
    glue_endpoint: str | None = None
    s3_endpoint: str | None = None

    def catalog_properties(self) -> dict[str, str]:
        """pyiceberg's properties of the Glue catalog."""
        properties = {
            "type": "glue",
            "warehouse": self.lake_warehouse,
            "glue.region": self.aws_region,
            "glue.endpoint": self.glue_endpoint,
            "s3.region": self.aws_region,
            "s3.endpoint": self.s3_endpoint,
        }
        return _given(properties)


class SnowflakeSettings(Settings):
    """The warehouse. A password, or a private key file and its passphrase, if it has one.

    Host, port and protocol only for a stand-in.
    """

    snowflake_account: str
    snowflake_user: str
    snowflake_password: SecretStr | None = None
    snowflake_private_key_file: Path | None = None
    snowflake_private_key_passphrase: SecretStr | None = None
    snowflake_database: str = "TIDEMARK"
    snowflake_warehouse: str | None = None
    snowflake_role: str | None = None
    snowflake_host: str | None = None
    snowflake_port: int | None = None
    snowflake_protocol: str | None = None

    @field_validator("snowflake_private_key_file", mode="after", check_fields=True)
    @classmethod
    def _one_credential(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is None and info.data.get("snowflake_password") is None:
            raise ValueError(f"one of {PREFIX}SNOWFLAKE_PASSWORD and {PREFIX}SNOWFLAKE_PRIVATE_KEY_FILE is needed")
        return value

    model_config = SettingsConfigDict(validate_default=True)

    def connect_arguments(self) -> dict[str, Any]:
        """Keyword arguments of snowflake.connector.connect. With a host of its own (the lab) it gives up after 1 s,
        because the connector would otherwise ask a stand-in that is away for ever; but it waits for an answer, because
        a stand-in is silent while it works, where Snowflake says in time that it is still working."""
        secret, passphrase = self.snowflake_password, self.snowflake_private_key_passphrase
        arguments = {
            "account": self.snowflake_account,
            "user": self.snowflake_user,
            "password": secret.get_secret_value() if secret else None,
            "private_key_file": str(self.snowflake_private_key_file) if self.snowflake_private_key_file else None,
            "private_key_file_pwd": passphrase.get_secret_value() if passphrase else None,
            "database": self.snowflake_database,
            "warehouse": self.snowflake_warehouse,
            "role": self.snowflake_role,
            "host": self.snowflake_host,
            "port": self.snowflake_port,
            "protocol": self.snowflake_protocol,
            "network_timeout": 1 if self.snowflake_host else None,
            "socket_timeout": 900 if self.snowflake_host else None,
        }
        return _given(arguments)


class ClickHouseSettings(Settings):
    """The speed layer's database."""

    clickhouse_host: str
    clickhouse_port: int
    clickhouse_user: str = "default"
    clickhouse_password: SecretStr | None = None
    clickhouse_database: str = "speed"
    clickhouse_secure: bool = False

    def client_arguments(self) -> dict[str, Any]:
        """Keyword arguments of clickhouse_connect.get_client."""
        secret = self.clickhouse_password
        return {
            "host": self.clickhouse_host,
            "port": self.clickhouse_port,
            "username": self.clickhouse_user,
            "password": secret.get_secret_value() if secret else "",
            "database": self.clickhouse_database,
            "secure": self.clickhouse_secure,
        }


class SparkSettings(Settings):
    """Who runs the Spark job: a resident driver (the lab), or Kubernetes with a file that holds a SparkApplication."""

    spark_driver_url: str | None = None
    spark_template: Path | None = None

    @field_validator("spark_template", mode="after", check_fields=True)
    @classmethod
    def _one_way(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) == (info.data.get("spark_driver_url") is None):
            raise ValueError(f"exactly one of {PREFIX}SPARK_DRIVER_URL and {PREFIX}SPARK_TEMPLATE is needed")
        return value

    model_config = SettingsConfigDict(validate_default=True)


S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """Read the settings; SettingsError names every missing or wrong variable, and shows no value."""
    try:
        return kind()
    except ValidationError as error:
        problems = [_problem(e["loc"], e["type"], e["msg"]) for e in error.errors(include_input=False)]
        raise SettingsError("settings: " + "; ".join(problems)) from None


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = PREFIX + "_".join(str(part) for part in location).upper()
    return f"{name} is missing" if kind == "missing" else f"{name}: {message.removeprefix('Value error, ')}"


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
