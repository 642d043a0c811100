"""What is told of an application that failed holds no secret, and keeps what a person needs."""

import pytest
from kubernetes_api import container, pod, stands

from spark_submitter.ending import LOG_CHARACTERS, judged, redacted, unplaced


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spark.hadoop.fs.s3a.secret.key=hunter2 next", "spark.hadoop.fs.s3a.secret.key=*** next"),
        ("AWS_SECRET_ACCESS_KEY: hunter2", "AWS_SECRET_ACCESS_KEY: ***"),
        ('{"aws_session_token": "hunter2", "a": 1}', '{"aws_session_token": "***", "a": 1}'),
        ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
        ("?X-Amz-Credential=hunter2&X-Amz-Signature=hunter2&x=1", "?X-Amz-Credential=***&X-Amz-Signature=***&x=1"),
        ("https://me:hunter2@host/path", "https://me:***@host/path"),
        ("key AKIAIOSFODNN7EXAMPLE is unknown", "key *** is unknown"),
        ("ValueError: no such column: id at s3://lake/x:1", "ValueError: no such column: id at s3://lake/x:1"),
    ],
)
def test_values_after_telling_names_are_left_out(text: str, expected: str) -> None:
    """In Spark's, the environment's, JSON's and HTTP's spellings."""
    assert redacted(text) == expected


def test_a_long_log_leaves_room_for_the_reason() -> None:
    """Of the log the end is told, of the operator's message the beginning."""
    application = {"metadata": {"name": "run-1"}}
    stands(application, "FAILED", "ExitCode: 1" + "x" * 10_000)
    driver = pod("run-1-driver", container({"terminated": {"exitCode": 1, "reason": "Error"}}))
    message = str(judged(application, driver, [], "y" * 10_000 + "the end"))
    assert ("ExitCode: 1" in message, message.endswith("the end")) == (True, True)
    assert len(message) < 2 * LOG_CHARACTERS + 100


def test_why_a_driver_does_not_start() -> None:
    """As far as the cluster says."""
    creating = {"waiting": {"reason": "ContainerCreating"}}
    assert unplaced(None) == "it has no pod"
    assert unplaced(pod("d", {"phase": "Pending"})) == "the cluster does not say why"
    assert unplaced(pod("d", container(creating, "Pending"))) == "ContainerCreating"
