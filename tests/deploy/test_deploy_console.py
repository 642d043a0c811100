"""The chart's console: who reaches it and signs in how, and what it reaches itself."""

import pytest
from network_policies import CLOUD, STRANGER, End, passes, pod_of
from rendered_chart import EXPOSED, PRODUCTION, environment, of_kind, on_kind, policies_of, production, template


def test_the_console_listens_on_its_pods_loopback_unless_it_is_exposed() -> None:
    """What is forwarded to a pod reaches its loopback; its state lies where the root file system can be written."""
    settings = environment(production(), "console")
    assert (settings["TIDEMARK_CONSOLE_HOST"], settings["TIDEMARK_CONSOLE_DATA"]) == ("127.0.0.1", "/tmp/console")
    exposed = production("console.exposed=true", "console.secret=the-console")
    assert environment(exposed, "console")["TIDEMARK_CONSOLE_HOST"] == "0.0.0.0"  # noqa: S104
    [port] = of_kind(production(), "Service")["pages"]["spec"]["ports"]
    assert str(port["targetPort"]) == settings["TIDEMARK_CONSOLE_PORT"]


@pytest.mark.parametrize(
    "given", ["console.exposed=true", "console.oidcIssuer=https://id.example.org", "console.oidcClient=tidemark"]
)
def test_the_console_is_not_open_to_whoever_comes(given: str) -> None:
    """Exposed without a way to sign in, or with half of one, is refused before anything is installed."""
    said = template((), (*PRODUCTION, given))
    assert said.returncode != 0
    assert "console." in said.stderr


def test_the_console_signs_people_in_by_reference() -> None:
    """Token, provider's secret and session key come from one Secret, each if it is there."""
    found = production(*EXPOSED)
    settings = environment(found, "console")
    assert settings["TIDEMARK_CONSOLE_URL"] == "https://t.example.org"
    assert settings["TIDEMARK_CONSOLE_ACTORS"] == "@example.org"
    container = of_kind(found, "StatefulSet")["console"]["spec"]["template"]["spec"]["containers"][0]
    keys = {entry["name"]: entry["valueFrom"]["secretKeyRef"] for entry in container["env"] if "valueFrom" in entry}
    for name, key in (("TOKEN", "token"), ("OIDC_SECRET", "oidc-secret"), ("SESSION_KEY", "session-key")):
        wanted = {"name": "the-console", "key": key, "optional": True}
        assert keys[f"TIDEMARK_CONSOLE_{name}"] == wanted


def test_the_console_asks_lake_and_warehouse_where_there_is_room() -> None:
    """In production it has their settings and Secrets; on kind it has neither."""
    there, kind = (environment(found, "console") for found in (production(), on_kind()))
    stores = {"TIDEMARK_LAKE_WAREHOUSE", "TIDEMARK_SNOWFLAKE_ACCOUNT", "TIDEMARK_SNOWFLAKE_PRIVATE_KEY_FILE"}
    assert stores <= set(there)
    assert not stores & set(kind)
    assert "snowflake" not in str(of_kind(on_kind(), "StatefulSet")["console"]["spec"]["template"]["spec"]["volumes"])


def test_the_console_is_reached_by_whom_the_values_name() -> None:
    """By nobody, unless it is exposed; then by those peers, at its pages alone."""
    peers = "console.from[0].podSelector.matchLabels.app=proxy"
    exposed = policies_of(production("console.exposed=true", "console.secret=the-console", peers))
    proxy = End({"app": "proxy"})
    assert not passes(policies_of(production()), proxy, pod_of("console"), 8081)
    assert passes(exposed, proxy, pod_of("console"), 8081)
    assert not passes(exposed, proxy, pod_of("console"), 8080)
    assert not passes(exposed, STRANGER, pod_of("console"), 8081)


def test_the_console_has_a_way_out_only_for_what_it_asks() -> None:
    """To the stores unless it does not ask them; to the provider that signs people in."""
    alone = production("console.asksStores=false")
    oidc = ("console.secret=s", "console.oidcClient=tidemark", "console.oidcIssuer=https://id.example.org:8444")
    assert not passes(policies_of(alone), pod_of("console"), CLOUD, 443)
    assert not passes(policies_of(alone), pod_of("console"), CLOUD, 8444)
    assert passes(policies_of(production("console.asksStores=false", *oidc)), pod_of("console"), CLOUD, 8444)
