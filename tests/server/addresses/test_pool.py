"""Pools of addresses and ports."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from navarch.seams.sim import SimRng
from navarch.server.addresses.pool import Pool, address_pool, number_of, port_pool


def test_every_number_is_given_once_and_then_none() -> None:
    pool = Pool(10, 19, 4, SimRng(1))
    given_out = [pool.hold_any() for _ in range(10)]
    assert sorted(n for n in given_out if n is not None) == list(range(10, 20))
    assert set(given_out[:6]) == set(range(14, 20)), "the static band goes last"
    assert pool.hold_any() is None


def test_what_is_held_or_taken_is_not_free() -> None:
    pool = Pool(1, 5, 0, SimRng(1))
    pool.hold(3)
    pool.take(3)
    pool.release(3)
    assert not pool.free(3)
    pool.give_back(3)
    assert pool.free(3)


def test_usable_addresses() -> None:
    pool = address_pool(ip_network("10.96.0.0/16"), SimRng(1))
    assert (pool.low, pool.high) == (number_of("10.96.0.1"), number_of("10.96.255.254"))
    assert number_of("10.96.255.255") not in pool
    assert number_of("no address") is None


def test_bands_for_static_numbers() -> None:
    addresses = address_pool(ip_network("10.96.0.0/16"), SimRng(1))
    number = addresses.hold_any()
    assert number is not None and number >= addresses.low + 256
    ports = port_pool(30000, 32767, SimRng(1))
    port = ports.hold_any()
    assert port is not None and port >= 30000 + 86


@given(st.sampled_from(["10.0.0.0/28", "10.0.0.0/24", "fd00::/120", "fd00::/108"]), st.integers(0, 2**32))
def test_what_is_given_lies_in_the_network(cidr: str, seed: int) -> None:
    network = ip_network(cidr)
    number = address_pool(network, SimRng(seed)).hold_any()
    assert number is not None
    address = ip_address(number) if network.version == 4 else ip_address(number.to_bytes(16, "big"))
    assert address in network and address != network.network_address
