"""Checks of what carries the chain: broker, Spark, the traces' receiver."""

from collections.abc import Iterator

import httpx

from tidemark import kafka
from tidemark.settings import KafkaSettings, RunnerSettings, SparkSettings
from tidemark_cli.doctor.check import Amiss, Check

SECONDS = 5.0


def of_kafka(settings: KafkaSettings) -> Iterator[Check]:
    """The broker answers, and its topics are as the chain needs them."""

    def topics() -> str:
        if lacking := kafka.topics_lacking(settings):
            raise Amiss(f"not there, or with too few partitions: {', '.join(lacking)}")
        return f"{len(kafka.topics())} topics at {settings.kafka_bootstrap}"

    signing_in = "TIDEMARK_KAFKA_SECURITY_PROTOCOL, _SASL_MECHANISM, _SASL_USERNAME, _SASL_PASSWORD and _CA_FILE"
    otherwise = f"see that TIDEMARK_KAFKA_BOOTSTRAP can be reached from here, and that {signing_in} are the broker's"
    yield Check("Kafka: topics", topics, otherwise, {"not there": "run `tidemark init`"})


def of_spark(settings: SparkSettings) -> Iterator[Check]:
    """Somebody is there to run the job: the resident driver, or the template of what Kubernetes is asked for."""

    def driver() -> str:
        if settings.spark_template is not None:
            if not settings.spark_template.is_file():
                raise Amiss(f"{settings.spark_template} is not there")
            return f"each attempt is a SparkApplication made from {settings.spark_template}"
        answer = httpx.get(f"{settings.spark_driver_url}/healthz", timeout=SECONDS).raise_for_status()
        return f"the driver at {settings.spark_driver_url} says {answer.json()['status']}"

    otherwise = "start the resident driver (`tidemark up` in the lab), or mend TIDEMARK_SPARK_DRIVER_URL"
    remedies = {"is not there": "mount the chart's spark-application.yaml, or mend TIDEMARK_SPARK_TEMPLATE"}
    yield Check("Spark: driver", driver, otherwise, remedies, (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError))


def of_traces(settings: RunnerSettings) -> Iterator[Check]:
    """The receiver of traces answers; any answer will do, for an empty request is none that it must like."""

    def receiver() -> str:
        if settings.otlp_endpoint is None:
            return "TIDEMARK_OTLP_ENDPOINT is not set: no traces leave"
        httpx.post(settings.otlp_endpoint, content=b"", timeout=SECONDS)
        return f"{settings.otlp_endpoint} answers"

    otherwise = "start the collector, or mend TIDEMARK_OTLP_ENDPOINT; the chain runs without it, unseen"
    yield Check("traces: receiver", receiver, otherwise, {}, (httpx.HTTPError, httpx.InvalidURL))
