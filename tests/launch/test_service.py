"""Tables of services."""

from __future__ import annotations

from navarch.launch.service import row_of, table


def test_the_table_is_framed_as_minikubes() -> None:
    web = {
        "metadata": {"namespace": "default", "name": "web"},
        "spec": {"ports": [{"port": 80, "nodePort": 30080}, {"name": "admin", "port": 81, "nodePort": 30081}]},
    }
    plain = {"metadata": {"namespace": "default", "name": "kubernetes"}, "spec": {"ports": [{"port": 443}]}}
    assert table([row_of(web, "192.0.2.1"), row_of(plain, "192.0.2.1")]) == (
        "|-----------|------------|--------------|------------------------|\n"
        "| NAMESPACE |    NAME    | TARGET PORT  |          URL           |\n"
        "|-----------|------------|--------------|------------------------|\n"
        "| default   | web        |           80 | http://192.0.2.1:30080 |\n"
        "|           |            |     admin/81 | http://192.0.2.1:30081 |\n"
        "| default   | kubernetes | No node port |                        |\n"
        "|-----------|------------|--------------|------------------------|"
    )
