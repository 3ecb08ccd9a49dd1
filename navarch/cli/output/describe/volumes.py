"""Volumes of pods and of pod templates: what each is and its facts.

Source: kubectl `describe` (the words for each volume source).
"""

from __future__ import annotations

from navarch.cli.output.describe.context import Lines, yes
from navarch.schema.types import Tree

#: The key of a source: what it is, and its facts as (title, key, default).
_KNOWN: dict[str, tuple[str, tuple[tuple[str, str, object], ...]]] = {
    "hostPath": ("HostPath (bare host directory volume)", (("Path", "path", ""), ("HostPathType", "type", ""))),
    "nfs": (
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        (("Server", "server", ""), ("Path", "path", ""), ("ReadOnly", "readOnly", False)),
    ),
    "persistentVolumeClaim": (
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        (("ClaimName", "claimName", ""), ("ReadOnly", "readOnly", False)),
    ),
    "local": ("LocalVolume (a persistent volume backed by local storage on a node)", (("Path", "path", ""),)),
    "iscsi": (
        "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
        (("TargetPortal", "targetPortal", ""), ("IQN", "iqn", ""), ("Lun", "lun", 0), ("FSType", "fsType", "")),
    ),
    "csi": (
        "CSI (a Container Storage Interface (CSI) volume source)",
        (("Driver", "driver", ""), ("FSType", "fsType", ""), ("ReadOnly", "readOnly", False)),
    ),
    "image": (
        "Image (a container image or OCI artifact)",
        (("Reference", "reference", ""), ("PullPolicy", "pullPolicy", "")),
    ),
}


def volumes(out: Lines, found: list[Tree], indent: str = "") -> None:
    """`indent` is a blank for pod templates."""
    if not found:
        out.put(0, f"{indent}Volumes:\t<none>\n")
        return
    out.put(0, f"{indent}Volumes:\n")
    for volume in found:
        out.put(0, f"{indent}  {volume['name']}:\n" if not indent else f"   {volume['name']}:\n")
        for title, value in _facts(volume):
            out.put(0, f"    {title}:\t{value}\n")


def _facts(volume: Tree) -> list[tuple[str, object]]:
    if (empty := volume.get("emptyDir")) is not None:
        limit = empty.get("sizeLimit")
        return [
            ("Type", "EmptyDir (a temporary directory that shares a pod's lifetime)"),
            ("Medium", empty.get("medium", "")),
            ("SizeLimit", limit if limit and limit != "0" else "<unset>"),
        ]
    if secret := volume.get("secret"):
        return [
            ("Type", "Secret (a volume populated by a Secret)"),
            ("SecretName", secret.get("secretName", "")),
            ("Optional", yes(secret.get("optional"))),
        ]
    if config := volume.get("configMap"):
        return [
            ("Type", "ConfigMap (a volume populated by a ConfigMap)"),
            ("Name", config.get("name", "")),
            ("Optional", yes(config.get("optional"))),
        ]
    if projected := volume.get("projected"):
        return _projected(projected)
    if downward := volume.get("downwardAPI"):
        facts: list[tuple[str, object]] = [("Type", "DownwardAPI (a volume populated by information about the pod)")]
        facts.append(("Items", ""))
        for item in downward.get("items") or []:
            facts.append((f"  {(item.get('fieldRef') or {}).get('fieldPath', '')} -> {item['path']}", ""))
        return facts
    return known_source(volume)


def known_source(volume: Tree) -> list[tuple[str, object]]:
    """A source with plain facts; also those of persistent volumes."""
    for key, (kind, facts) in _KNOWN.items():
        source = volume.get(key)
        if source is not None:
            return [("Type", kind), *((title, _shown(source.get(name, default))) for title, name, default in facts)]
    if "ephemeral" in volume:
        return [
            (
                "Type",
                "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)",
            )
        ]
    return [("Type", "<unknown>")]


def _shown(value: object) -> object:
    return yes(value) if isinstance(value, bool) else value


def _projected(projected: Tree) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("Type", "Projected (a volume that contains injected data from multiple sources)")
    ]
    for source in projected.get("sources") or []:
        if secret := source.get("secret"):
            facts += [("SecretName", secret.get("name", "")), ("Optional", yes(secret.get("optional")))]
        elif source.get("downwardAPI") is not None:
            facts.append(("DownwardAPI", "true"))
        elif config := source.get("configMap"):
            facts += [("ConfigMapName", config.get("name", "")), ("Optional", yes(config.get("optional")))]
        elif token := source.get("serviceAccountToken"):
            facts.append(("TokenExpirationSeconds", token.get("expirationSeconds", 0)))
    return facts
