"""Allowed calls between components: the arrows of the diagrams, and those that NetworkPolicies allow."""

from build import pod_of

# Caller, callee, port. Exactly the arrows of docs/sequences/ and docs/architecture.md.
ARROWS = {
    ("ingress-nginx", "starship", 8000),
    ("starship", "orchestrator", 8080),
    ("desk", "orchestrator", 8083),
    ("proxy", "orchestrator", 8084),
    ("orchestrator", "federated-auth", 8081),
    ("federated-auth", "scoped-auth", 8082),
    ("orchestrator", "internet", 443),
    ("orchestrator", "postgres", 5432),
    ("scoped-auth", "postgres", 5432),
    ("prometheus", "orchestrator", 9080),
    ("prometheus", "federated-auth", 9081),
    ("prometheus", "scoped-auth", 9082),
    ("orchestrator", "opentelemetry-collector", 4318),
    ("federated-auth", "opentelemetry-collector", 4318),
    ("scoped-auth", "opentelemetry-collector", 4318),
    ("starship", "kube-dns", 53),
    ("orchestrator", "kube-dns", 53),
    ("federated-auth", "kube-dns", 53),
    ("scoped-auth", "kube-dns", 53),
}

NAME = "app.kubernetes.io/name"
# Peers in other namespaces, by namespace and label.
OTHERS = {
    "ingress-nginx": ("ingress-nginx", {NAME: "ingress-nginx"}),
    "desk": ("desk", {NAME: "desk"}),
    "proxy": ("proxies", {NAME: "proxy"}),
    "prometheus": ("monitoring", {NAME: "prometheus"}),
    "opentelemetry-collector": ("monitoring", {NAME: "opentelemetry-collector"}),
    "kube-dns": ("kube-system", {"k8s-app": "kube-dns"}),
}
# The public internet, without special-purpose addresses: those that orchestrator/src/webhooks/address.rs refuses.
INTERNET = [
    {"cidr": "0.0.0.0/0", "except": [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3"]},
    {"cidr": "2000::/3", "except": ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]},
]


def problems(objects):
    policies = [one for one in objects if one["kind"] == "NetworkPolicy"]
    pods = {one["metadata"]["name"]: one for one in objects if pod_of(one)}
    if not any(denies_all(policy["spec"]) for policy in policies):
        yield "no NetworkPolicy refuses everything to everybody"
    unknown, leaves, arrives = [], set(), set()
    for policy in policies:
        for name, pod in pods.items():
            if not selects(policy["spec"]["podSelector"], labels(pod)):
                continue
            for rule in policy["spec"].get("egress", []):
                for callee in peers(rule, "to", pods, unknown, policy):
                    leaves |= {(name, callee, port) for port in ports(rule, pods.get(callee), unknown, policy)}
            for rule in policy["spec"].get("ingress", []):
                for caller in peers(rule, "from", pods, unknown, policy):
                    arrives |= {(caller, name, port) for port in ports(rule, pod, unknown, policy)}
    yield from sorted(set(unknown))
    # Peers in other namespaces have their own policies.
    allowed = {arrow for arrow in leaves | arrives if (arrow in leaves or arrow[0] not in pods)
               and (arrow in arrives or arrow[1] not in pods)}
    for caller, callee, port in sorted(ARROWS - allowed):
        yield f"the arrow {caller} -> {callee}:{port} is not let through"
    for caller, callee, port in sorted((leaves | arrives) - ARROWS):
        yield f"{caller} -> {callee}:{port} is let through, and no diagram has this arrow"


def denies_all(spec):
    return spec["podSelector"] == {} and set(spec["policyTypes"]) == {"Ingress", "Egress"} and not {"ingress", "egress"} & set(spec)


def labels(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def selects(selector, labels):
    unknown = set(selector) - {"matchLabels", "matchExpressions"}
    assert not unknown, unknown
    by_label = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions), expressions
    return by_label and all(labels.get(one["key"]) in one["values"] for one in expressions)


def peers(rule, side, pods, unknown, policy):
    """The names of the peers that a rule selects."""
    where = policy["metadata"]["name"]
    if not rule.get(side):
        unknown.append(f"NetworkPolicy {where}: a rule that is for everybody")
    found = set()
    for peer in rule.get(side, []):
        if side == "to" and peer in [{"ipBlock": block} for block in INTERNET]:
            found.add("internet")
        elif "ipBlock" in peer or "podSelector" not in peer or not peer["podSelector"]:
            unknown.append(f"NetworkPolicy {where}: {peer} may be anybody")
        elif "namespaceSelector" in peer:
            namespace = peer["namespaceSelector"].get("matchLabels", {}).get("kubernetes.io/metadata.name")
            named = [name for name, (home, marks) in OTHERS.items() if home == namespace and selects(peer["podSelector"], marks)]
            found.update(named)
            if not named:
                unknown.append(f"NetworkPolicy {where}: {peer} is nobody in the diagrams")
        else:
            named = [name for name, pod in pods.items() if selects(peer["podSelector"], labels(pod))]
            found.update(named)
            if not named:
                unknown.append(f"NetworkPolicy {where}: {peer} is nobody in the diagrams")
    return found


def ports(rule, callee, unknown, policy):
    if not rule.get("ports"):
        unknown.append(f"NetworkPolicy {policy['metadata']['name']}: a rule that is for every port")
    for one in rule.get("ports", []):
        port = one.get("port")
        if isinstance(port, str):
            container_ports = [port for container in pod_of(callee)["containers"] for port in container.get("ports", [])]
            named = [container_port["containerPort"] for container_port in container_ports if container_port["name"] == port]
            if not named:
                unknown.append(f"NetworkPolicy {policy['metadata']['name']}: nobody names a port {port}")
            yield from named
        elif port is None or "endPort" in one:
            unknown.append(f"NetworkPolicy {policy['metadata']['name']}: {one} is more than a port")
        else:
            yield port
