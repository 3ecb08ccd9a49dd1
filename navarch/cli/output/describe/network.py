"""`kubectl describe` of services, their endpoints, ingresses and ingress classes."""

from __future__ import annotations

from navarch.cli.output.describe.context import Context, Lines, yes
from navarch.cli.selection import Found
from navarch.schema.types import Tree


def service(found: Found, context: Context) -> str:
    out = Lines()
    spec = found.tree["spec"]
    out.head(found)
    out.labels("Selector", spec.get("selector"))
    out.line(0, "Type:", spec.get("type", ""))
    if spec.get("ipFamilyPolicy"):
        out.line(0, "IP Family Policy:", spec["ipFamilyPolicy"])
    out.line(0, "IP Families:", ",".join(spec.get("ipFamilies") or []) or "<none>")
    out.line(0, "IP:", spec.get("clusterIP", ""))
    out.line(0, "IPs:", ",".join(spec.get("clusterIPs") or []) or "<none>")
    if spec.get("externalIPs"):
        out.line(0, "External IPs:", ",".join(spec["externalIPs"]))
    if spec.get("loadBalancerIP"):
        out.line(0, "Desired LoadBalancer IP:", spec["loadBalancerIP"])
    if spec.get("externalName"):
        out.line(0, "External Name:", spec["externalName"])
    ingress = ((found.tree.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    if ingress:
        mode = f" ({ingress[0]['ipMode']})" if ingress[0].get("ipMode") else ""
        out.line(0, "LoadBalancer Ingress:", ", ".join(i.get("ip") or i.get("hostname", "") for i in ingress) + mode)
    _ports(out, found, spec, context)
    out.line(0, "Session Affinity:", spec.get("sessionAffinity", ""))
    for title, key in (("External Traffic Policy", "externalTrafficPolicy"),
                       ("Internal Traffic Policy", "internalTrafficPolicy"),
                       ("Traffic Distribution", "trafficDistribution"),
                       ("HealthCheck NodePort", "healthCheckNodePort")):  # fmt: skip
        if spec.get(key):
            out.line(0, f"{title}:", spec[key])
    if spec.get("loadBalancerSourceRanges"):
        out.line(0, "LoadBalancer Source Ranges:", ",".join(spec["loadBalancerSourceRanges"]))
    context.events(out, found)
    return out.render()


def _ports(out: Lines, found: Found, spec: Tree, context: Context) -> None:
    slices = context.items(
        f"/apis/discovery.k8s.io/v1/namespaces/{found.namespace}/endpointslices",
        labelSelector=f"kubernetes.io/service-name={found.name}",
    )
    for port in spec.get("ports") or []:
        name = port.get("name") or "<unset>"
        protocol = port.get("protocol", "TCP")
        out.line(0, "Port:", name, f"{port['port']}/{protocol}")
        target = port.get("targetPort")
        out.line(0, "TargetPort:", f"{target}/{protocol}")
        if port.get("nodePort"):
            out.line(0, "NodePort:", name, f"{port['nodePort']}/{protocol}")
        if port.get("appProtocol"):
            out.line(0, "AppProtocol:", port["appProtocol"])
        out.line(0, "Endpoints:", _endpoints(slices, port.get("name") or "") if slices else "<none>")


def _endpoints(slices: list[Tree], port_name: str, limit: int = 3) -> str:
    """`10.0.0.1:80,10.0.0.2:80 + 3 more...`; only of endpoints that are ready."""
    found: list[str] = []
    for part in slices:
        numbers = [p.get("port") for p in part.get("ports") or [] if (p.get("name") or "") == port_name]
        for endpoint in part.get("endpoints") or []:
            if (endpoint.get("conditions") or {}).get("ready") is False:
                continue
            found += [_host(address, number) for address in endpoint["addresses"] for number in numbers]
    more = f" + {len(found) - limit} more..." if len(found) > limit else ""
    return ",".join(found[:limit]) + more


def _host(address: str, port: object) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def endpoints(found: Found, context: Context) -> str:
    out = Lines()
    out.head(found)
    out.put(0, "Subsets:\n")
    for subset in found.tree.get("subsets") or []:
        for title, key in (("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")):
            out.line(1, f"{title}:", ",".join(a["ip"] for a in subset.get(key) or []) or "<none>")
        if ports := subset.get("ports"):
            out.put(1, "Ports:\n")
            out.line(2, "Name", "Port", "Protocol")
            out.line(2, "----", "----", "--------")
            for port in ports:
                out.line(2, port.get("name") or "<unset>", port["port"], port.get("protocol", "TCP"))
        out.put(0, "\n")
    context.events(out, found)
    return out.render()


def endpoint_slice(found: Found, context: Context) -> str:
    out = Lines()
    out.head(found)
    out.line(0, "AddressType:", found.tree.get("addressType", ""))
    if ports := found.tree.get("ports"):
        out.put(0, "Ports:\n")
        out.line(1, "Name", "Port", "Protocol")
        out.line(1, "----", "----", "--------")
        for port in ports:
            out.line(1, port.get("name") or "<unset>", port.get("port", "<unset>"), port.get("protocol", "TCP"))
    else:
        out.line(0, "Ports:", "<unset>")
    found_endpoints = found.tree.get("endpoints") or []
    out.put(0, "Endpoints:\n" if found_endpoints else "Endpoints: <none>\n")
    for endpoint in found_endpoints:
        _endpoint(out, endpoint)
    context.events(out, found)
    return out.render()


def _endpoint(out: Lines, endpoint: Tree) -> None:
    out.put(1, f"- Addresses:\t{', '.join(endpoint.get('addresses') or [])}\n")
    out.put(2, "Conditions:\n")
    ready = (endpoint.get("conditions") or {}).get("ready")
    out.line(3, "Ready:", "<unset>" if ready is None else yes(ready))
    out.line(2, "Hostname:", endpoint.get("hostname", "<unset>"))
    if target := endpoint.get("targetRef"):
        out.line(2, "TargetRef:", f"{target.get('kind', '')}/{target.get('name', '')}")
    out.line(2, "NodeName:", endpoint.get("nodeName", "<unset>"))
    out.line(2, "Zone:", endpoint.get("zone", "<unset>"))


def ingress_class(found: Found, context: Context) -> str:
    out = Lines()
    spec = found.tree.get("spec") or {}
    out.head(found)
    out.line(0, "Controller:", spec.get("controller", ""))
    if parameters := spec.get("parameters"):
        out.put(0, "Parameters:\n")
        for title, key in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")):
            if parameters.get(key):
                out.line(1, f"{title}:", parameters[key])
    context.events(out, found)
    return out.render()


def ingress(found: Found, context: Context) -> str:
    out = Lines()
    spec = found.tree["spec"]
    out.line(0, "Name:", found.name)
    out.labels("Labels", found.tree["metadata"].get("labels"))
    out.line(0, "Namespace:", found.namespace)
    addresses = ((found.tree.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    out.line(0, "Address:", ",".join(a.get("ip") or a.get("hostname", "") for a in addresses))
    out.line(0, "Ingress Class:", spec.get("ingressClassName") or "<none>")
    default = spec.get("defaultBackend")
    out.line(0, "Default backend:", _backend(found, default, context) if default else "<default>")
    if spec.get("tls"):
        out.put(0, "TLS:\n")
        for entry in spec["tls"]:
            hosts = ",".join(entry.get("hosts") or [])
            if entry.get("secretName"):
                out.line(1, f"{entry['secretName']} terminates {hosts}")
            else:
                out.line(1, f"SNI routes {hosts}")
    _rules(out, found, spec.get("rules") or [], context)
    out.annotations(found.tree["metadata"].get("annotations"))
    context.events(out, found)
    return out.render()


def _rules(out: Lines, found: Found, rules: list[Tree], context: Context) -> None:
    out.put(0, "Rules:\n")
    out.line(1, "Host", "Path", "Backends")
    out.line(1, "----", "----", "--------")
    for rule in rules:
        if not rule.get("http"):
            continue
        out.line(1, rule.get("host") or "*", "")
        for path in rule["http"]["paths"]:
            out.line(2, "", f"{path.get('path', '')} ", _backend(found, path["backend"], context))
    if not rules:
        backend = found.tree["spec"].get("defaultBackend")
        shown = _backend(found, backend, context) if backend else "<default>"
        out.line(1, "*", "*", shown)


def _backend(found: Found, backend: Tree, context: Context) -> str:
    if resource := backend.get("resource"):
        return f"APIGroup: {resource.get('apiGroup', '<none>')}, Kind: {resource['kind']}, Name: {resource['name']}"
    name, port = backend["service"]["name"], backend["service"].get("port") or {}
    shown = port.get("name") or port.get("number", "")
    existing = context.get(f"/api/v1/namespaces/{found.namespace}/services/{name}")
    if existing is None:
        return f'{name}:{shown} (<error: services "{name}" not found>)'
    port_name = next(
        (p.get("name") or "" for p in existing["spec"].get("ports") or [] if shown in (p.get("name"), p["port"])), ""
    )
    slices = context.items(
        f"/apis/discovery.k8s.io/v1/namespaces/{found.namespace}/endpointslices",
        labelSelector=f"kubernetes.io/service-name={name}",
    )
    return f"{name}:{shown} ({_endpoints(slices, port_name)})"
