"""Builds the example overlay with temporary secrets and checks it; see `validate`."""

import copy
import pathlib
import shutil
import subprocess
import sys
import tempfile

import kubernetes_validate

import broken
import build
import repository
import rules

# The oldest release that supports everything in the manifests, and the newest with installed schemas.
VERSIONS = ["1.30", "1.37"]


def main():
    with tempfile.TemporaryDirectory() as scratch:
        overlay = prepare(pathlib.Path(scratch))
        objects = build.build(overlay)
        problems = [problem for version in VERSIONS for problem in against_schemas(objects, version)]
        problems += rules.problems(objects)
    problems += unseen(objects)
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"{len(objects)} objects, {len(broken.EXAMPLES)} broken ones recognised, {len(problems)} problems")
    return bool(problems)


def prepare(scratch):
    """The overlay's folders, with new secrets; the key file is not read here."""
    for folder in ["deploy/kubernetes", "deploy/postgres", "starship"]:
        shutil.copytree(repository.ROOT / folder, scratch / folder, ignore=shutil.ignore_patterns("secrets"))
    for kustomization in scratch.rglob("kustomization.yaml"):
        # The rules name objects without the hash of their content.
        with kustomization.open("a") as file:
            file.write("\ngeneratorOptions: {disableNameSuffixHash: true}\n")
    overlay = scratch / "deploy/kubernetes/overlays/example"
    subprocess.run([repository.ROOT / "deploy/make-secrets", overlay / "secrets"], check=True, stdout=subprocess.DEVNULL)
    (overlay / "secrets/keys.json").write_text('{"keys":[]}\n')
    return overlay


def against_schemas(objects, version):
    for one in objects:
        name = f"{one['kind']} {one['metadata']['name']}"
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{name}: {version}: {'.'.join(map(str, error.path))}: {error.message}"
        except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.InvalidSchemaError) as error:
            yield f"{name}: {version}: {error}"


def unseen(objects):
    """Examples that violate a rule without being reported."""
    for change, expected in broken.EXAMPLES:
        changed = copy.deepcopy(objects)
        change(broken.Manifests(changed))
        found = list(rules.problems(changed)) + list(against_schemas(changed, VERSIONS[-1]))
        if not any(expected in problem for problem in found):
            yield f"not recognised: {expected}; found {found}"


sys.exit(main())
