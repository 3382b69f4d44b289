"""A manifest that violates each rule: a change of the valid manifests, and a part of the expected message."""

from build import pod_of


class Manifests:
    """The objects, by kind and name."""

    def __init__(self, objects):
        self.objects = objects

    def __call__(self, kind, name):
        return next(one for one in self.objects if (one["kind"], one["metadata"]["name"]) == (kind, name))

    def spec(self, kind, name):
        return self(kind, name)["spec"]

    def pod(self, name, kind="Deployment"):
        return pod_of(self(kind, name))

    def container(self, name, kind="Deployment"):
        return self.pod(name, kind)["containers"][0]

    def policy(self, name):
        return self.spec("NetworkPolicy", name)

    def remove(self, kind, name):
        self.objects.remove(self(kind, name))


def variable(container, name):
    return next(one for one in container["env"] if one["name"] == name)


def to(name, port):
    return {"to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": name}}}], "ports": [{"port": port}]}


def without(container, name):
    container["env"].remove(variable(container, name))


EXAMPLES = [
    # The form.
    (lambda m: m.spec("Deployment", "starship").update(replcas=2), "replcas"),
    (lambda m: m.container("starship")["ports"][0].update(containerPort="8000"), "is not of type 'integer'"),
    # The arrows.
    (lambda m: m.remove("NetworkPolicy", "default-deny"), "no NetworkPolicy refuses everything"),
    (lambda m: m.policy("starship")["egress"].clear(), "the arrow starship -> orchestrator:8080 is not let through"),
    (lambda m: m.policy("scoped-auth")["ingress"].clear(), "the arrow federated-auth -> scoped-auth:8082 is not let through"),
    (lambda m: m.remove("NetworkPolicy", "dns"), "the arrow starship -> kube-dns:53 is not let through"),
    (lambda m: m.policy("desk")["ingress"].clear(), "the arrow desk -> orchestrator:8083 is not let through"),
    (lambda m: m.policy("starship")["egress"].append(to("orchestrator", 8083)), "starship -> orchestrator:8083 is let through"),
    (lambda m: m.policy("starship")["egress"].append(to("orchestrator", 8084)), "starship -> orchestrator:8084 is let through"),
    (lambda m: m.policy("proxies")["ingress"].clear(), "the arrow proxy -> orchestrator:8084 is not let through"),
    (lambda m: m.policy("desk")["ingress"][0]["from"][0].pop("podSelector"), "may be anybody"),
    (lambda m: m.policy("orchestrator")["egress"].append(to("scoped-auth", 8082)), "orchestrator -> scoped-auth:8082 is let through"),
    (lambda m: m.policy("starship")["egress"].append(to("postgres", 5432)), "starship -> postgres:5432 is let through"),
    (lambda m: m.policy("orchestrator")["egress"][0].update(ports=[{"port": 9081}]), "orchestrator -> federated-auth:9081 is let through"),
    (lambda m: m.policy("orchestrator")["egress"][0].pop("ports"), "a rule that is for every port"),
    (lambda m: m.policy("orchestrator")["egress"][0].pop("to"), "a rule that is for everybody"),
    (lambda m: m.policy("orchestrator")["egress"][0].update(to=[{"ipBlock": {"cidr": "0.0.0.0/0"}}]), "may be anybody"),
    (lambda m: m.remove("NetworkPolicy", "webhooks"), "the arrow orchestrator -> internet:443 is not let through"),
    (lambda m: m.policy("webhooks")["egress"][0]["to"][0]["ipBlock"]["except"].remove("10.0.0.0/8"), "may be anybody"),
    (lambda m: m.policy("webhooks")["egress"][0]["to"][1]["ipBlock"].pop("except"), "may be anybody"),
    (lambda m: m.policy("webhooks")["egress"][0]["ports"].append({"port": 80}), "orchestrator -> internet:80 is let through"),
    (lambda m: m.policy("scoped-auth")["egress"].append(m.policy("webhooks")["egress"][0]), "scoped-auth -> internet:443 is let through"),
    (lambda m: m.policy("orchestrator")["egress"].append(to("payments", 80)), "is nobody in the diagrams"),
    (lambda m: m.policy("metrics")["ingress"][0].update(ports=[{"port": "metrics"}]), "nobody names a port metrics"),
    (lambda m: m.policy("starship")["egress"][0]["ports"][0].update(endPort=9000), "is more than a port"),
    # No privileges.
    (lambda m: m.pod("starship")["securityContext"].pop("runAsNonRoot"), "starship: may run as root"),
    (lambda m: m.pod("starship")["securityContext"].pop("seccompProfile"), "no seccomp profile"),
    (lambda m: m.pod("starship").pop("automountServiceAccountToken"), "is given a token"),
    (lambda m: m.pod("starship").update(hostNetwork=True), "reaches into its node"),
    (lambda m: m.container("starship")["securityContext"].update(allowPrivilegeEscalation=True), "may gain privileges"),
    (lambda m: m.container("starship")["securityContext"].update(runAsUser=0), "starship/starship: runs as root"),
    (lambda m: m.container("starship")["securityContext"]["capabilities"].update(add=["NET_RAW"]), "keeps capabilities"),
    (lambda m: m.container("postgres", "StatefulSet")["securityContext"].pop("readOnlyRootFilesystem"), "is not read-only"),
    (lambda m: m.container("starship")["resources"].pop("limits"), "no limit of memory"),
    # References.
    (lambda m: m.remove("Secret", "scoped-auth-keys"), "there is no Secret scoped-auth-keys"),
    (lambda m: m.remove("ConfigMap", "accounts"), "there is no ConfigMap accounts"),
    (lambda m: m("ConfigMap", "cluster")["data"].pop("pod-networks"), "no ConfigMap cluster with pod-networks"),
    (lambda m: m.pod("starship")["volumes"].pop(), "mounted and not there"),
    (lambda m: m("Secret", "scoped-auth-secrets")["data"].pop("operator"), "nothing that is mounted has /run/secrets/webchat/operator"),
    (lambda m: m("ConfigMap", "accounts")["data"].clear(), "nothing that is mounted has /etc/webchat/accounts.toml"),
    (lambda m: m("Secret", "webhook-secrets")["data"].clear(), "accounts.toml: nothing that is mounted has /run/secrets/webhooks/desk"),
    # The repository.
    (lambda m: m.container("orchestrator").update(image="registry.example.com/fwo:1"), "is no image that the Dockerfile"),
    (lambda m: m.container("federated-auth").update(image="nginx:stable"), "nobody runs the image federated-auth"),
    (lambda m: m.container("starship").update(image="nginx"), "nginx is no image"),
    (lambda m: m.container("orchestrator")["env"].append({"name": "ORCHESTRATOR_LISTN", "value": "x"}), "docs/configuration.md has no setting ORCHESTRATOR_LISTN"),
    (lambda m: m.container("orchestrator")["env"].append({"name": "ORCHESTRATOR_LISTEN_FILE", "value": "/x"}), "docs/configuration.md has no setting ORCHESTRATOR_LISTEN_FILE"),
    (lambda m: without(m.container("orchestrator"), "ORCHESTRATOR_FINGERPRINT_KEY_FILE"), "ORCHESTRATOR_FINGERPRINT_KEY is required"),
    (lambda m: variable(m.container("federated-auth"), "FEDERATED_AUTH_SCOPED_AUTH_URL").update(value="http://scoped-auth:80"), "no Service scoped-auth with the port 80"),
    (lambda m: m.spec("Service", "starship")["ports"][0].update(targetPort="https"), "nobody listens on https"),
    (lambda m: m.container("orchestrator")["ports"][1].update(containerPort=8085), "ORCHESTRATOR_DESK_LISTEN of the container is 8083, not 8085"),
    (lambda m: m.spec("Service", "orchestrator")["ports"].append({"name": "desk", "port": 8083, "targetPort": "desk"}), "Service orchestrator: the port desk is not its only one"),
    (lambda m: m.spec("Service", "orchestrator-authorize")["ports"].append({"name": "http", "port": 8080, "targetPort": "http"}), "Service orchestrator-authorize: the port authorize is not its only one"),
    (lambda m: m.container("scoped-auth")["ports"][0].update(containerPort=8083), "SCOPED_AUTH_LISTEN of the image is 8082, not 8083"),
    # The fleet.
    (lambda m: m.container("orchestrator").pop("readinessProbe"), "orchestrator: is not probed"),
    (lambda m: m.pod("orchestrator").update(terminationGracePeriodSeconds=10), "has no time to drain"),
    (lambda m: m.pod("orchestrator")["topologySpreadConstraints"].pop(), "is not spread"),
    (lambda m: m.remove("PodDisruptionBudget", "scoped-auth"), "scoped-auth: no PodDisruptionBudget"),
    (lambda m: m.remove("HorizontalPodAutoscaler", "scoped-auth"), "scoped-auth: no HorizontalPodAutoscaler"),
    (lambda m: m.spec("Deployment", "starship").update(replicas=2), "how many is the autoscaler's decision"),
    (lambda m: m.remove("ServiceAccount", "starship"), "no ServiceAccount of its own"),
]
