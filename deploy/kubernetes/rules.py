"""Rules for the manifests beyond their schemas. Each rule yields one line per violation."""

import re
import tomllib

import repository
from arrows import problems as arrows
from build import pod_of

# The setting of each port's listener, by the port's name, after the service's prefix; LISTEN for others.
LISTENERS = {"admin": "ADMIN_LISTEN", "desk": "DESK_LISTEN", "authorize": "AUTHORIZE_LISTEN"}


def problems(objects):
    for rule in [arrows, restricted, references, files, images, settings, peers, fleet]:
        yield from rule(objects)


def workloads(objects):
    return [(one["metadata"]["name"], one, pod_of(one)) for one in objects if pod_of(one)]


def each_container(objects):
    for name, _, pod in workloads(objects):
        for container in pod.get("initContainers", []) + pod["containers"]:
            yield f"{name}/{container['name']}", pod, container


def restricted(objects):
    """The Pod Security profile `restricted`, a read-only root, no token of the API server, and bounds."""
    for name, _, pod in workloads(objects):
        context = pod.get("securityContext", {})
        if not (context.get("runAsNonRoot") is True and context.get("runAsUser", 0) > 0):
            yield f"{name}: may run as root"
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name}: no seccomp profile"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name}: is given a token of the API server"
        if {"hostNetwork", "hostPID", "hostIPC"} & set(pod) or any("hostPath" in volume for volume in pod.get("volumes", [])):
            yield f"{name}: reaches into its node"
    for name, _, container in each_container(objects):
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
            yield f"{name}: may gain privileges"
        if context.get("runAsUser", 1) == 0 or context.get("runAsNonRoot") is False:
            yield f"{name}: runs as root"
        if context.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{name}: keeps capabilities"
        if context.get("readOnlyRootFilesystem") is not True:
            yield f"{name}: its root file system is not read-only"
        resources = container.get("resources", {})
        if not {"cpu", "memory"} <= set(resources.get("requests", {})) or "memory" not in resources.get("limits", {}):
            yield f"{name}: no requests or no limit of memory"


def kept(objects):
    """The keys of each Secret and ConfigMap."""
    return {
        (one["kind"], one["metadata"]["name"]): set(one.get("data", {}))
        for one in objects if one["kind"] in ("Secret", "ConfigMap")
    }


def references(objects):
    """Every referenced Secret and ConfigMap exists, with the referenced key."""
    there = kept(objects)
    for name, _, pod in workloads(objects):
        for volume in pod.get("volumes", []):
            source = source_of(volume)
            if source and source not in there:
                yield f"{name}: there is no {source[0]} {source[1]}"
        mounts = {mount["name"] for container in containers_of(pod) for mount in container.get("volumeMounts", [])}
        made = {volume["name"] for volume in pod.get("volumes", [])} | claims(objects, name)
        for volume in sorted(mounts ^ made):
            yield f"{name}: the volume {volume} is mounted and not there, or there and not mounted"
    for name, _, container in each_container(objects):
        for variable in container.get("env", []):
            for kind, key in [("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")]:
                reference = variable.get("valueFrom", {}).get(key)
                if reference and reference["key"] not in there.get((kind, reference["name"]), ()):
                    yield f"{name}: {variable['name']}: there is no {kind} {reference['name']} with {reference['key']}"


def files(objects):
    """Every file named by a variable is in a mounted Secret or ConfigMap."""
    there = kept(objects)
    for name, pod, container in each_container(objects):
        volumes = {volume["name"]: source_of(volume) for volume in pod.get("volumes", [])}
        for variable in container.get("env", []):
            if not re.search(r"_FILE$", variable["name"]):
                continue
            folder, _, file = variable["value"].rpartition("/")
            sources = [volumes.get(mount["name"]) for mount in container["volumeMounts"] if mount["mountPath"] == folder]
            if not any(file in there.get(source, ()) for source in sources):
                yield f"{name}: {variable['name']}: nothing that is mounted has {variable['value']}"
    yield from signing_secrets(objects, there)


def signing_secrets(objects, there):
    """Every signing secret that accounts.toml names is in the Secret that the orchestrator mounts."""
    [pod] = [pod for name, _, pod in workloads(objects) if name == "orchestrator"]
    volumes = {volume["name"]: source_of(volume) for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: volumes.get(mount["name"]) for mount in pod["containers"][0]["volumeMounts"]}
    for one in objects:
        text = one.get("data", {}).get("accounts.toml") if one["kind"] == "ConfigMap" else None
        for account in tomllib.loads(text)["account"] if text else []:
            for webhook in account.get("webhook", []):
                folder, _, file = webhook["signing_secret_file"].rpartition("/")
                if file not in there.get(mounts.get(folder), ()):
                    yield f"accounts.toml: nothing that is mounted has {webhook['signing_secret_file']}"


def source_of(volume):
    if "secret" in volume:
        return "Secret", volume["secret"]["secretName"]
    if "configMap" in volume:
        return "ConfigMap", volume["configMap"]["name"]
    return None


def containers_of(pod):
    return pod.get("initContainers", []) + pod["containers"]


def claims(objects, name):
    return {
        claim["metadata"]["name"] for one in objects if pod_of(one) and one["metadata"]["name"] == name
        for claim in one["spec"].get("volumeClaimTemplates", [])
    }


def images(objects):
    """Our images are the Dockerfile's targets, from a registry and with a tag; others are the same as in the compose stack."""
    targets, others = repository.targets(), repository.compose_images()
    seen = set()
    for name, _, container in each_container(objects):
        repository_of, _, tag = container["image"].rpartition(":")
        target = repository_of.rpartition("/")[2]
        seen.add(target)
        if container["image"] in others or (target in targets and tag not in ("", "latest")):
            continue
        yield f"{name}: {container['image']} is no image that the Dockerfile or the compose stack has"
    for target in sorted(set(targets) - seen):
        yield f"nobody runs the image {target}"


def settings(objects):
    """All our variables are in the tables of docs/configuration.md, and all required ones are set."""
    known, brought = repository.settings(), repository.targets()
    for name, _, container in each_container(objects):
        service = name.partition("/")[0]
        prefix = repository.PREFIXES.get(service)
        if not prefix:
            continue
        given = {variable["name"] for variable in container.get("env", [])}
        for variable in sorted(given):
            of_file = variable.removesuffix("_FILE")
            if variable not in known and not known.get(of_file, (False, False))[1]:
                yield f"{name}: docs/configuration.md has no setting {variable}"
        given |= brought[service]
        for setting, (required, _) in known.items():
            serves = "args" not in container
            if serves and setting.startswith(prefix) and required and not given & {setting, f"{setting}_FILE"}:
                yield f"{name}: {setting} is required and not set"


def peers(objects):
    """Addresses in variables are Services', and a Service's port is its pod's port, on which the image or container listens."""
    services = {one["metadata"]["name"]: one["spec"] for one in objects if one["kind"] == "Service"}
    for name, _, container in each_container(objects):
        for variable in container.get("env", []):
            peer = re.fullmatch(r"(?:https?://)?([a-z-]+):(\d+)", variable.get("value", ""))
            if peer and int(peer[2]) not in [port["port"] for port in services.get(peer[1], {}).get("ports", [])]:
                yield f"{name}: {variable['name']}: there is no Service {peer[1]} with the port {peer[2]}"
    for name, spec in services.items():
        pods = [pod for _, one, pod in workloads(objects) if selected(spec["selector"], one)]
        ports = {port["name"] for pod in pods for container in pod["containers"] for port in container.get("ports", [])}
        for port in spec["ports"]:
            if port["targetPort"] not in ports:
                yield f"Service {name}: nobody listens on {port['targetPort']}"
            # What leads browsers to a Service must not lead them to the desk's API or to Authorize.
            if port["targetPort"] in ("desk", 8083, "authorize", 8084) and len(spec["ports"]) > 1:
                yield f"Service {name}: the port {port['targetPort']} is not its only one"
    listeners = repository.listeners()
    for name, _, container in each_container(objects):
        service = name.partition("/")[0]
        for port in container.get("ports", []) if service in repository.PREFIXES else []:
            setting = repository.PREFIXES[service] + LISTENERS.get(port["name"], "LISTEN")
            given = [one["value"].rpartition(":")[2] for one in container.get("env", []) if one["name"] == setting]
            where, listener = ("container", int(given[0])) if given else ("image", listeners.get(setting))
            if listener != port["containerPort"]:
                yield f"{name}: {setting} of the {where} is {listener}, not {port['containerPort']}"


def selected(selector, workload):
    labels = workload["spec"]["template"]["metadata"]["labels"]
    return all(labels.get(key) == value for key, value in selector.items())


def fleet(objects):
    """Every Deployment has probes, a drain, a spread, an autoscaler and a disruption budget."""
    by_kind = lambda kind: [one["spec"] for one in objects if one["kind"] == kind]
    accounts = {one["metadata"]["name"] for one in objects if one["kind"] == "ServiceAccount"}
    for name, one, pod in [each for each in workloads(objects) if each[1]["kind"] == "Deployment"]:
        [container] = pod["containers"]
        if not {"readinessProbe", "livenessProbe"} <= set(container):
            yield f"{name}: is not probed"
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if pause == 0 or pod.get("terminationGracePeriodSeconds", 0) < pause + 15:
            yield f"{name}: has no time to drain"
        if {each["topologyKey"] for each in pod.get("topologySpreadConstraints", [])} != {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}:
            yield f"{name}: is not spread over zones and nodes"
        if not any(selected(spec["selector"]["matchLabels"], one) for spec in by_kind("PodDisruptionBudget")):
            yield f"{name}: no PodDisruptionBudget"
        if not any(spec["scaleTargetRef"]["name"] == name and spec["minReplicas"] > 1 for spec in by_kind("HorizontalPodAutoscaler")):
            yield f"{name}: no HorizontalPodAutoscaler, or one that leaves a single pod"
        if "replicas" in one["spec"]:
            yield f"{name}: how many is the autoscaler's decision"
        if pod.get("serviceAccountName") != name or name not in accounts:
            yield f"{name}: no ServiceAccount of its own"
