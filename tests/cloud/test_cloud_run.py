"""A small run of the chain against real accounts: services and Spark on this machine, every store elsewhere."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from chain_on_the_lab import Chain
from chain_truth import assert_every_row_is_accounted_for, assert_numbers_are_true

from tidemark.settings import KafkaSettings, LakeSettings, load
from tidemark_lab import lab, ports
from tidemark_lab.components import Component, is_ready
from tidemark_lab.stack import SERVICES

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(3600)]
LOCAL = ("TIDEMARK_KAFKA_BOOTSTRAP", "TIDEMARK_OTLP_ENDPOINT", "TIDEMARK_SETTLE_SECONDS", "TIDEMARK_MAX_WAIT_SECONDS")


class CloudChain(Chain):
    """A lab with broker and traces alone; the stores are those that the environment names."""

    def connect(self) -> None:
        """Only the lab's own addresses, for its environment would lead to its emulators."""
        found = lab.environment(self.home)
        os.environ.update({name: found[name] for name in LOCAL})
        self.kafka, self.lake, self._catalog = load(KafkaSettings), load(LakeSettings), None


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudChain]:
    """The chain, up, with empty stores."""
    home = tmp_path_factory.mktemp("cloud") / ".tidemark"
    wanted = {name: ["port"] for name in ("spark", *SERVICES)}
    chosen = {name: found["port"] for name, found in ports.choose(wanted, {}).items()}
    lab.up(home, only=("broker", "traces"))
    with ExitStack() as stack:
        stack.callback(lab.down, home)
        chain = CloudChain(home)
        os.environ["TIDEMARK_SPARK_DRIVER_URL"] = f"http://127.0.0.1:{chosen['spark']}"
        chain.tidemark("init")
        data = ("--data", str(home / "data" / "spark"))
        _start(stack, "tidemark_lab.spark_driver", chosen["spark"], "--port", str(chosen["spark"]), *data)
        for name, module in SERVICES.items():
            _start(stack, module, chosen[name])
        at = {"spark": "/healthz"} | dict.fromkeys(SERVICES, "/readyz")
        for name, path in at.items():
            asked = Component(name, (), ports={name: chosen[name]}, ready=path)
            chain.wait_for(lambda a=asked: is_ready(a), f"{name} is ready", 300)
        yield chain


def _start(stack: ExitStack, module: str, port: int, *words: str) -> None:
    environment = os.environ | {"TIDEMARK_HEALTH_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", module, *words], env=environment)
    stack.callback(process.wait)
    stack.callback(process.terminate)


def test_a_small_run_converges(chain: CloudChain) -> None:
    """An initial load, a delta and a settled source: every number is true in the lake and the warehouse, no row is
    unaccounted for, and batch and speed layer agree."""
    chain.upstream("initial", "--scale", "0.02")
    chain.upstream("delta", "--rows", "200")
    chain.upstream("settle")
    assert {run.status for run in chain.runs().values()} == {"CONVERGED"}
    assert_numbers_are_true(chain)
    assert_every_row_is_accounted_for(chain)


def test_the_doctor_finds_nothing(chain: CloudChain) -> None:
    """Every connection and right of the accounts is there."""
    said = chain.tidemark("doctor")
    assert "no" not in {line[:2] for line in said.splitlines()}, said
