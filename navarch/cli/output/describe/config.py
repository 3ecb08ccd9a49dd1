"""`kubectl describe` of config maps, secrets, service accounts and namespaces."""

from __future__ import annotations

from base64 import b64decode

from navarch.cli.output.describe.context import Context, Lines
from navarch.cli.output.describe.policy import limits, usage
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
    out.pairs("Image pull secrets", [entry["name"] for entry in found.tree.get("imagePullSecrets") or []])
    context.events(out, found)
    return out.render()


def namespace(found: Found, context: Context) -> str:
    out = Lines()
    out.head(found)
    out.line(0, "Status:", (found.tree.get("status") or {}).get("phase", ""))
    quotas = context.items(f"/api/v1/namespaces/{found.name}/resourcequotas")
    out.put(0, "\nResource Quotas\n" if quotas else "\nNo resource quota.\n")
    for quota in quotas:
        out.line(1, "Name:", quota["metadata"]["name"])
        usage(out, quota, 1)
    ranges = context.items(f"/api/v1/namespaces/{found.name}/limitranges")
    out.put(0, "\nResource Limits\n" if ranges else "\nNo LimitRange resource.\n")
    if ranges:
        limits(out, [item for each in ranges for item in each["spec"].get("limits") or []], " ")
    return out.render()
