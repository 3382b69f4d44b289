"""The objects that `kubectl kustomize` builds."""

import subprocess

import yaml


def build(folder):
    """The objects of a kustomization's folder."""
    done = subprocess.run(["kubectl", "kustomize", folder], check=True, stdout=subprocess.PIPE, text=True)
    return list(yaml.safe_load_all(done.stdout))


def pod_of(object):
    """The pod's spec of a workload."""
    return object.get("spec", {}).get("template", {}).get("spec")
