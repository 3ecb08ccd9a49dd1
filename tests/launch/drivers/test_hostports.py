"""Which cluster has which port of the machine's 127.0.0.1."""

from __future__ import annotations

from navarch.launch.drivers import hostports
from navarch.launch.drivers.hostports import Plan, Port

MINE, OTHER = "192.168.49.2", "192.168.58.2"
WEB, DNS = Port("tcp", 30080), Port("udp", 30053)

LISTING = """\
table ip navarch-ports {
    map ports {
        type inet_proto . inet_service : ipv4_addr
        elements = { tcp . 30080 : 192.168.49.2,
                 udp . 30053 : 192.168.58.2 }
    }
}
"""
PROC_NET_TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:7918 00000000:0000 0A 00000000:00000000
   1: 0100007F:7919 0100007F:0050 01 00000000:00000000
"""
PROC_NET_UDP6 = """\
   sl  local_address                         remote_address                        st tx_queue rx_queue
  16: 00000000000000000000000000000000:0044 00000000000000000000000000000000:0000 07 00000000:00000000
"""


def test_the_map_is_read() -> None:
    assert hostports.holders(LISTING) == {WEB: MINE, DNS: OTHER}
    assert hostports.holders("table ip navarch-ports {\n\tmap ports {\n\t}\n}\n") == {}


def test_free_ports_are_taken_and_unwanted_ones_given_back() -> None:
    old = Port("tcp", 31000)
    assert hostports.plan([WEB, DNS], {old: MINE}, set(), MINE) == Plan((WEB, DNS), (old,), {})


def test_a_port_stays_with_who_claimed_it_first() -> None:
    plan = hostports.plan([WEB, DNS], {WEB: OTHER, DNS: MINE}, set(), MINE)
    assert (plan.add, plan.remove) == ((), ())
    assert plan.denied == {WEB: "another cluster, whose node is 192.168.58.2"}


def test_a_port_of_a_program_stays_the_programs() -> None:
    plan = hostports.plan([WEB, DNS], {}, {WEB, Port("tcp", 30053)}, MINE)
    assert plan.add == (DNS,) and "a program" in plan.denied[WEB]
    # Once it is ours, a socket that is opened later changes nothing.
    assert hostports.plan([WEB], {WEB: MINE}, {WEB}, MINE) == Plan((), (), {})


def test_a_change_as_text() -> None:
    assert hostports.change((), (), MINE) == ""
    assert hostports.change([WEB], [DNS], MINE).splitlines() == [
        "delete element ip navarch-ports ports { udp . 30053 }",
        "create element ip navarch-ports ports { tcp . 30080 : 192.168.49.2 }",
    ]


def test_listening_sockets_are_found() -> None:
    tables = {"tcp": PROC_NET_TCP, "udp6": PROC_NET_UDP6}
    assert hostports.listening_ports(tables) == {Port("tcp", 0x7918), Port("udp", 0x44)}
