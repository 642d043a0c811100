"""`tidemark init` on the lab's warehouse: repeatable, silent about secrets, and with a key pair as with a password."""

import logging
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from loader_benches import RealBench
from loader_runs import publish
from unused_ports import unused_port  # tests/support

from loader.stage import load as load_run
from tidemark.errors import Retryable
from tidemark.settings import LakeSettings, SnowflakeSettings, load
from tidemark_warehouse import connect, execute, initialise

pytestmark = pytest.mark.lab
SECRET = "hunter2-is-no-good"
COLUMNS = """
SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS
WHERE TABLE_SCHEMA IN ('RAW', 'STAGING', 'MARTS', 'OPS') ORDER BY 1, 2, 3
"""


class Both(LakeSettings, SnowflakeSettings):
    """What `initialise` needs."""


@pytest.fixture
def settings(real: RealBench, monkeypatch: pytest.MonkeyPatch) -> Both:
    """The bench's database, with a password that must never be seen."""
    for name, value in (real.environment | {"TIDEMARK_SNOWFLAKE_PASSWORD": SECRET}).items():
        monkeypatch.setenv(name, value)
    return load(Both)


def state(real: RealBench) -> list[object]:
    """Every column, and every row of OPS and RAW."""
    columns = execute(real.connection, COLUMNS)
    tables = sorted({(row[0], row[1]) for row in columns if row[0] in ("RAW", "OPS")})
    return [columns, *(execute(real.connection, f"SELECT * FROM {schema}.{name}") for schema, name in tables)]


def test_a_repeat_changes_nothing(real: RealBench, settings: Both) -> None:
    """No column, no row of ledger, lock, audit or RAW, on a database that has been worked with."""
    load_run(publish(real, 1, {"users": 3, "orders": 1}), real.ports())
    before = state(real)
    assert initialise(real.connection, settings, real.known) == []
    assert state(real) == before
    assert len(before[0]) > 100


def test_secrets_are_neither_printed_nor_logged(
    settings: Both, real: RealBench, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """With all loggers as talkative as they can be, on the way that works and on the one that does not."""
    caplog.set_level(logging.DEBUG)
    session = connect(settings)
    initialise(session, settings, real.known)
    session.close()
    with pytest.raises(Retryable) as caught:
        connect(settings.model_copy(update={"snowflake_port": unused_port()}))
    told = capfd.readouterr()
    for text in (caplog.text, told.out, told.err, str(caught.value), repr(settings)):
        assert SECRET not in text


@pytest.mark.parametrize("passphrase", ["", "of the key's own"])
def test_a_key_pair_opens_a_session(
    settings: Both, passphrase: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a private key's file, encrypted or not, and no password, the connector signs in by token."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    locked = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    text = key.private_bytes(serialization.Encoding.PEM, form, locked)
    file = tmp_path / "key.p8"
    file.write_bytes(text)
    monkeypatch.setenv("TIDEMARK_SNOWFLAKE_PASSWORD", "")
    monkeypatch.setenv("TIDEMARK_SNOWFLAKE_PRIVATE_KEY_FILE", str(file))
    monkeypatch.setenv("TIDEMARK_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", passphrase)
    signing = load(SnowflakeSettings)
    assert "password" not in signing.connect_arguments()
    assert not passphrase or passphrase not in repr(signing)
    session = connect(signing)
    try:
        assert session._authenticator == "SNOWFLAKE_JWT"
        assert execute(session, "SELECT 1") == [(1,)]
    finally:
        session.close()
