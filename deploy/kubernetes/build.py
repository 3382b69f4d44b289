"""What `kubectl kustomize` builds, as far as these manifests use it: resources, images, namespace and generators.

Anything else in a kustomization is an error, so that nothing is skipped. Names have no hash of their content. If there is
a kubectl, its build is compared with this one.
"""

import json
import pathlib
import shutil
import subprocess

import yaml

KNOWN = {"apiVersion", "kind", "namespace", "resources", "images", "configMapGenerator", "secretGenerator"}
CLUSTER_WIDE = {"Namespace"}


class Loader(yaml.SafeLoader):
    """Rejects duplicate keys, which the YAML reader accepts silently."""


def mapping(loader, node):
    keys = [loader.construct_object(key) for key, _ in node.value]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise yaml.constructor.ConstructorError(None, None, f"{sorted(twice)} twice", node.start_mark)
    return dict((key, loader.construct_object(value, deep=True)) for key, (_, value) in zip(keys, node.value))


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def build(folder):
    """The objects of a kustomization's folder."""
    folder = pathlib.Path(folder).resolve()
    kustomization = yaml.load((folder / "kustomization.yaml").read_text(), Loader)
    unknown = set(kustomization) - KNOWN
    if unknown:
        raise ValueError(f"{folder}: {sorted(unknown)} is more than build.py knows")
    objects = []
    for resource in kustomization.get("resources", []):
        path = folder / resource
        objects += build(path) if path.is_dir() else [one for one in yaml.load_all(path.read_text(), Loader) if one]
    for kind, key in [("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")]:
        objects += [generated(folder, kind, generator) for generator in kustomization.get(key, [])]
    for one in objects:
        if "namespace" in kustomization and one["kind"] not in CLUSTER_WIDE:
            one["metadata"]["namespace"] = kustomization["namespace"]
    for container in containers(objects):
        for image in kustomization.get("images", []):
            if container["image"] == image["name"]:
                container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"
    return objects


def generated(folder, kind, generator):
    data = {}
    for entry in generator.get("files", []):
        key, _, path = entry.rpartition("=")
        data[key or pathlib.Path(path).name] = read(folder, path)
    for entry in generator.get("literals", []):
        key, _, value = entry.partition("=")
        data[key] = value
    object = {"apiVersion": "v1", "kind": kind, "metadata": {"name": generator["name"]}}
    # A Secret's `data` is base64, its `stringData` is text; the values here are text.
    return object | ({"type": "Opaque", "stringData": data} if kind == "Secret" else {"data": data})


def read(folder, path):
    full = (folder / path).resolve()
    if folder not in full.parents:
        raise ValueError(f"{folder}: kustomize reads no file above its folder: {path}")
    return full.read_text()


def containers(objects):
    for one in objects:
        pod = pod_of(one)
        if pod:
            yield from pod.get("initContainers", [])
            yield from pod["containers"]


def pod_of(object):
    """The pod's spec of a workload."""
    return object.get("spec", {}).get("template", {}).get("spec")


def differences_from_kubectl(folder, objects):
    """Differences from kubectl's build; None if there is no suitable kubectl."""
    # Before 1.24 kubectl has an outdated kustomize, and does not report its version.
    if not shutil.which("kubectl") or b"kustomizeVersion" not in subprocess.run(
        ["kubectl", "version", "--client", "--output", "json"], capture_output=True
    ).stdout:
        return None
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True)
    if done.returncode:
        return [f"kubectl kustomize: {done.stderr.strip()}"]
    theirs = list(yaml.load_all(done.stdout, Loader))
    names = [one["metadata"]["name"] for one in objects]
    return sorted(canonical(objects, names) ^ canonical(theirs, names))


def canonical(objects, names):
    """The objects as text, with names without hashes and without the content of secrets."""
    found = set()
    for one in objects:
        one = json.loads(json.dumps(one))
        if one["kind"] == "Secret":
            keys = one.pop("stringData", None) or one.pop("data")
            one["keys"] = sorted(keys)
        found.add(json.dumps(without_hashes(one, names), sort_keys=True))
    return found


def without_hashes(value, names):
    if isinstance(value, dict):
        return {key: without_hashes(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [without_hashes(one, names) for one in value]
    stem, _, tail = value.rpartition("-") if isinstance(value, str) else ("", "", "")
    return stem if stem in names and len(tail) == 10 else value
