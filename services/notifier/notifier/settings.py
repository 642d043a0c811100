"""The notifier's settings: the broker, and where alerts go."""

from pydantic import SecretStr

from tidemark.settings import RunnerSettings


class NotifierSettings(RunnerSettings):
    """`alert_urls`: Apprise's URLs, separated by white space, with their secrets: `jsons://host/path` (a webhook),
    `slack://token_a/token_b/token_c/#channel`, `mailtos://user:password@host?to=a@b`. Severities before a URL are those
    that it gets: `critical=pagerduty://key@service`, `warning,critical=slack://...`; without any it gets all.

    What is not critical waits in quiet hours (`22:00-07:00`, by the clock of the time zone) and while as many messages
    went within an hour as may (0: no limit)."""

    alert_urls: SecretStr
    alert_quiet_hours: str | None = None
    alert_time_zone: str = "UTC"
    alert_most_per_hour: int = 60
