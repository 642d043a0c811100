"""What the lab's processes are told."""

import json
import stat
from pathlib import Path

import pytest

from tidemark_lab import jars, lab, prometheus, stack
from tidemark_lab.errors import LabError
from tidemark_lab.home import Home, read_json, write_json

PORTS = {component: dict.fromkeys(names, 20_000) for component, names in stack.PORTS.items()}


def test_foreign_accounts_do_not_reach_the_lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A person's own AWS profile or warehouse must never be written to by the lab."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("TIDEMARK_SNOWFLAKE_PRIVATE_KEY_FILE", "/key")
    monkeypatch.setenv("SPARK_HOME", "/elsewhere")
    told = stack.process_environment(Home.at(tmp_path), PORTS)
    assert {"AWS_PROFILE", "TIDEMARK_SNOWFLAKE_PRIVATE_KEY_FILE", "SPARK_HOME"} & set(told) == set()
    assert (told["AWS_ACCESS_KEY_ID"], told["AWS_CONFIG_FILE"]) == ("lab", "/dev/null")


def test_everything_needs_only_what_exists_and_comes_before(tmp_path: Path) -> None:
    """The order of the list is an order of starting."""
    seen: set[str] = set()
    for component in stack.stack(Home.at(tmp_path), PORTS):
        assert set(component.needs) <= seen
        seen.add(component.name)
    assert sorted(seen) == sorted((*stack.NAMES, *stack.OPTIONAL))


def test_prometheus_is_there_on_demand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks every service at its own port; without one on the path the lab says how to get it."""
    assert "TIDEMARK_PROMETHEUS_URL" not in stack.environment(PORTS, stack.NAMES)
    assert "TIDEMARK_PROMETHEUS_URL" in stack.environment(PORTS, [prometheus.NAME])
    config = json.loads(prometheus.configuration({"loader": 20_001, "reconciler": 20_002}))
    targets = config["scrape_configs"][0]["static_configs"]
    expected = {"loader": ["127.0.0.1:20001"], "reconciler": ["127.0.0.1:20002"]}
    assert expected == {target["labels"]["service"]: target["targets"] for target in targets}
    assert [Path(rules).is_file() for rules in config["rule_files"]] == [True]
    assert not any(word.startswith("0.0.0.0") for word in prometheus.command(tmp_path, 20_003))  # noqa: S104
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="apt-get install prometheus"):
        stack.prepare(Home.at(tmp_path), PORTS, [prometheus.NAME])


def test_every_endpoint_is_local(tmp_path: Path) -> None:
    """No value of lab.env names another machine."""
    values = stack.environment(PORTS).values()
    assert [value for value in values if "://" in value and not value.startswith(("http://127.0.0.1:", "s3://"))] == []


def test_environment_of_a_folder_without_a_lab_is_an_error(tmp_path: Path) -> None:
    """The message says what to do."""
    with pytest.raises(LabError, match="tidemark up"):
        lab.environment(tmp_path)


def test_jars_that_are_not_as_locked_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A fetched file with another sum never reaches the cache."""
    monkeypatch.setenv("TIDEMARK_CACHE", str(tmp_path))

    def fetch_something_else(work: Path) -> str:
        for jar in jars.locked("zipkin"):
            (work / "out").mkdir()
            (work / "out" / jar.name).write_bytes(b"not a jar")
        return "fetched"

    monkeypatch.setattr(jars, "_run_ivy", fetch_something_else)
    with pytest.raises(LabError, match="has another sha256 sum than the lock"):
        jars.ensure("zipkin")
    assert list(jars.folder("zipkin").glob("*.jar")) == []


def test_jars_of_another_lock_lie_in_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A broker that was downgraded by its lock does not start with the newer jars on its classpath."""
    before = jars.folder("kafka")
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "kafka.lock").write_text("g/a/1/a-1.jar 00\n")
    monkeypatch.setattr(jars.resources, "files", lambda _: tmp_path)
    assert jars.folder("kafka") != before


def test_locks_name_every_jar_once() -> None:
    """47 jars for Kafka, two for Spark, one for Zipkin, one for the tests."""
    counts = {name: len({jar.name for jar in jars.locked(name)}) for name in jars.SETS}
    assert counts == {"kafka": 47, "spark": 2, "zipkin": 1, "tests": 1}


def test_a_written_json_is_read_back(tmp_path: Path) -> None:
    """By its owner alone, for it may hold a person's environment; a missing one is empty."""
    write_json(tmp_path / "a.json", {"b": 1})
    assert (read_json(tmp_path / "a.json"), read_json(tmp_path / "none.json")) == ({"b": 1}, {})
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o600
