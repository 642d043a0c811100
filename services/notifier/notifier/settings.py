"""The notifier's settings: the broker, and where alerts go."""

from pydantic import SecretStr

from tidemark.settings import RunnerSettings


class NotifierSettings(RunnerSettings):
    """`alert_urls`: Apprise's URLs, separated by white space, with their secrets: `jsons://host/path` (a webhook),
    `slack://token_a/token_b/token_c/#channel`, `mailtos://user:password@host?to=a@b`."""

    alert_urls: SecretStr
