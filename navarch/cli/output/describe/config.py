"""`kubectl describe` of config maps, secrets, service accounts and namespaces."""

from __future__ import annotations

from base64 import b64decode

from navarch.cli.output.describe.context import Context, Lines
from navarch.cli.selection import Found


def config_map(found: Found, context: Context) -> str:
    out = Lines()
    out.head(found)
    out.put(0, "\nData\n====\n")
    data: dict[str, str] = found.tree.get("data") or {}
    for key in sorted(data):
        out.put(0, f"{key}:\n----\n{data[key]}\n\n")
    out.put(0, "\nBinaryData\n====\n")
    binary: dict[str, str] = found.tree.get("binaryData") or {}
    for key in sorted(binary):
        out.put(0, f"{key}: {len(b64decode(binary[key]))} bytes\n")
    out.put(0, "\n")
    context.events(out, found)
    return out.render()


def secret(found: Found, context: Context) -> str:
    out = Lines()
    out.head(found)
    out.put(0, f"\nType:\t{found.tree.get('type', '')}\n\nData\n====\n")
    data: dict[str, str] = found.tree.get("data") or {}
    for key in sorted(data):
        value = b64decode(data[key])
        shown = value.decode() if key == "token" else f"{len(value)} bytes"
        out.put(0, f"{key}:\t{shown}\n")
    return out.render()


def service_account(found: Found, context: Context) -> str:
    out = Lines()
    out.head(found)
    for title, key in (("Image pull secrets", "imagePullSecrets"), ("Mountable secrets", "secrets")):
        out.pairs(title, [entry["name"] for entry in found.tree.get(key) or []])
    tokens = [
        item["metadata"]["name"]
        for item in context.items(f"/api/v1/namespaces/{found.namespace}/secrets")
        if item.get("type") == "kubernetes.io/service-account-token"
        and (item["metadata"].get("annotations") or {}).get("kubernetes.io/service-account.name") == found.name
    ]
    out.pairs("Tokens", tokens)
    context.events(out, found)
    return out.render()


def namespace(found: Found, context: Context) -> str:
    out = Lines()
    out.head(found)
    out.line(0, "Status:", (found.tree.get("status") or {}).get("phase", ""))
    quotas = context.items(f"/api/v1/namespaces/{found.name}/resourcequotas")
    if not quotas:
        out.put(0, "\nNo resource quota.\n")
    else:
        out.put(0, "\nResource Quotas\n")
        for quota in quotas:
            out.line(1, "Name:", quota["metadata"]["name"])
            out.line(1, "Resource", "Used", "Hard")
            out.line(1, "--------", "---", "---")
            status = quota.get("status") or {}
            for name, hard in sorted((status.get("hard") or {}).items()):
                out.line(1, name, (status.get("used") or {}).get(name, ""), hard)
    if not context.items(f"/api/v1/namespaces/{found.name}/limitranges"):
        out.put(0, "\nNo LimitRange resource.\n")
    return out.render()
