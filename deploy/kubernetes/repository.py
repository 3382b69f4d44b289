"""Sources that the manifests must match: the settings of docs/configuration.md, the Dockerfile's images, the compose file's images."""

import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIXES = {"orchestrator": "ORCHESTRATOR_", "federated-auth": "FEDERATED_AUTH_", "scoped-auth": "SCOPED_AUTH_"}


def settings():
    """By name: whether the setting is required, and whether it may be read from a file."""
    found = {}
    for name, default in re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", (ROOT / "docs/configuration.md").read_text(), re.M):
        found[name] = (default.startswith("required"), "`…_FILE`" in default)
    return found


def listeners():
    """The port of each service's listeners, by setting, as the Dockerfile sets them."""
    text = (ROOT / "deploy/Dockerfile").read_text()
    return {name: int(port) for name, port in re.findall(r"([A-Z_]+_LISTEN)=0\.0\.0\.0:(\d+)", text)}


def targets():
    """The Dockerfile's image of each service, with the settings that it brings."""
    text = (ROOT / "deploy/Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.M)[1:]
    found = {}
    for stage in stages:
        name = re.search(r" AS (\S+)", stage).group(1)
        if name in PREFIXES:
            found[name] = set(re.findall(r"\b([A-Z_]+)=", stage))
    return found


def compose_images():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return {service["image"] for service in services.values() if "image" in service}
