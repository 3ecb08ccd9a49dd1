"""Pools of addresses and ports."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from navarch.seams.sim import SimRng
from navarch.server.addresses.pool import Band, Pool, address_band, number_of, port_band


def test_every_number_is_given_once_and_then_none() -> None:
    pool = Pool([Band(10, 19, 4)], SimRng(1))
    given_out = [pool.hold_any() for _ in range(10)]
    assert sorted(n for n in given_out if n is not None) == list(range(10, 20))
    assert set(given_out[:6]) == set(range(14, 20)), "the static band goes last"
    assert pool.hold_any() is None


def test_bands_are_used_up_one_after_the_other_and_may_overlap() -> None:
    pool = Pool([Band(1, 3, 0), Band(3, 5, 0)], SimRng(1))
    assert sorted(pool.hold_any() or 0 for _ in range(3)) == [1, 2, 3]
    assert sorted(pool.hold_any() or 0 for _ in range(2)) == [4, 5]
    assert pool.hold_any() is None
    pool.bands = [Band(1, 6, 0)]
    assert pool.hold_any() == 6


def test_what_is_held_or_taken_is_not_free() -> None:
    pool = Pool([Band(1, 5, 0)], SimRng(1))
    pool.hold(3)
    pool.take(3)
    pool.release(3)
    assert not pool.free(3)
    pool.give_back(3)
    assert pool.free(3)


def test_usable_addresses() -> None:
    band = address_band(ip_network("10.96.0.0/16"))
    pool = Pool([band], SimRng(1))
    assert (band.low, band.high) == (number_of("10.96.0.1"), number_of("10.96.255.254"))
    assert number_of("10.96.255.255") not in pool
    assert number_of("no address") is None


def test_bands_for_static_numbers() -> None:
    addresses = address_band(ip_network("10.96.0.0/16"))
    number = Pool([addresses], SimRng(1)).hold_any()
    assert number is not None and number >= addresses.low + 256
    port = Pool([port_band(30000, 32767)], SimRng(1)).hold_any()
    assert port is not None and port >= 30000 + 86


@given(st.sampled_from(["10.0.0.0/28", "10.0.0.0/24", "fd00::/120", "fd00::/108"]), st.integers(0, 2**32))
def test_what_is_given_lies_in_the_network(cidr: str, seed: int) -> None:
    network = ip_network(cidr)
    number = Pool([address_band(network)], SimRng(seed)).hold_any()
    assert number is not None
    address = ip_address(number) if network.version == 4 else ip_address(number.to_bytes(16, "big"))
    assert address in network and address != network.network_address
