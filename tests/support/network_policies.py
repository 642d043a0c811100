"""What NetworkPolicies let through, by the rules of networking.k8s.io/v1: a small simulator.

A pod that no policy of a direction selects is open in it; else what any of those policies allows is allowed. A
connection needs both ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from rendered_chart import labels

Policy = dict[str, Any]


@dataclass(frozen=True)
class End:
    """A pod by its labels and its namespace's, or an address outside the cluster."""

    labels: dict[str, str] = field(default_factory=dict)
    namespace: dict[str, str] | None = None  # None: the policies' own
    address: str = ""


def passes(policies: Sequence[Policy], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection comes about."""
    return _open(policies, "Egress", source, target, port, protocol) and _open(
        policies, "Ingress", target, source, port, protocol
    )


def _open(policies: Sequence[Policy], way: str, end: End, other: End, port: int, protocol: str) -> bool:
    if end.address or end.namespace is not None:
        return True  # not ours to decide
    mine = [
        p["spec"]
        for p in policies
        if way in p["spec"]["policyTypes"] and _selects(p["spec"]["podSelector"], end.labels)
    ]
    rules = [rule for spec in mine for rule in spec.get(way.lower(), [])]
    return not mine or any(_allows(rule, "to" if way == "Egress" else "from", other, port, protocol) for rule in rules)


def _allows(rule: dict[str, Any], side: str, other: End, port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    if ports and not any(p.get("port") in (port, None) and p.get("protocol", "TCP") == protocol for p in ports):
        return False
    return side not in rule or any(_is(peer, other) for peer in rule[side])


def _is(peer: dict[str, Any], end: End) -> bool:
    if "ipBlock" in peer:
        # a pod's address is one too, and 0.0.0.0/0 holds it
        address = ip_address(end.address or "10.244.0.9")
        block = peer["ipBlock"]
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(e) for e in block.get("except", [])
        )
    if end.address:
        return False
    if "namespaceSelector" in peer:
        home = end.namespace if end.namespace is not None else {}
        return _selects(peer["namespaceSelector"], home) and _selects(peer.get("podSelector", {}), end.labels)
    return end.namespace is None and _selects(peer["podSelector"], end.labels)


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    exact = all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
    expressions = selector.get("matchExpressions", [])
    assert all(e["operator"] == "In" for e in expressions)
    return exact and all(labels.get(e["key"]) in e["values"] for e in expressions)


CLOUD = End(address="52.1.2.3")
STRANGER = End({"app": "stranger"}, {"team": "others"})  # a pod of another namespace


def pod_of(component: str) -> End:
    """A pod of the chart's."""
    return End(labels(component))
