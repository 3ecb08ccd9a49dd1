"""The metrics page of the DNS server, in Prometheus' text format. Pure."""

from __future__ import annotations

from collections.abc import Mapping

#: Counter of `Chain.counts` -> name on the page, label, what it counts.
COUNTERS = {
    "requests": ("navarch_dns_requests_total", "proto", "Questions received."),
    "responses": ("navarch_dns_responses_total", "rcode", "Answers by code."),
    "cache": ("navarch_dns_cache_total", "result", "Answers of upstream resolvers that were remembered."),
    "forwards": ("navarch_dns_forwards_total", "result", "Questions for upstream resolvers."),
}


def page(counts: Mapping[tuple[str, str], int], services: int) -> bytes:
    lines = []
    for counter, (name, label, text) in COUNTERS.items():
        lines += [f"# HELP {name} {text}", f"# TYPE {name} counter"]
        for (of, value), count in sorted(counts.items()):
            if of == counter:
                lines.append(f'{name}{{{label}="{value}"}} {count}')
    lines += ["# HELP navarch_dns_services Services with records.", "# TYPE navarch_dns_services gauge"]
    lines.append(f"navarch_dns_services {services}")
    return ("\n".join(lines) + "\n").encode()
