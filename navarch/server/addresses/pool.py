"""Pools of addresses and ports: what is taken, and what is free.

A number is *held* while the write that wants it is under way, and *taken* as long as an object in the
store shows it. Pools follow the store's events, so that what another writer took is known here too.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Network, IPv6Network, ip_address
from itertools import chain

from navarch.seams.contract import Rng

#: Random tries before the pool is searched in order.
_RANDOM_TRIES = 16


class Pool:
    """Numbers of one range [low, high]. The lowest `static` numbers are given only to those who ask
    for one by name, as long as others are free. Source: KEP-3070 and KEP-3668."""

    def __init__(self, low: int, high: int, static: int, rng: Rng) -> None:
        self.low = low
        self.high = high
        self._first_dynamic = low + static
        self._rng = rng
        self._taken: Counter[int] = Counter()
        self._held: Counter[int] = Counter()

    def __contains__(self, number: int) -> bool:
        return self.low <= number <= self.high

    def free(self, number: int) -> bool:
        return not self._taken[number] and not self._held[number]

    def hold(self, number: int) -> None:
        self._held[number] += 1

    def release(self, number: int) -> None:
        _drop(self._held, number)

    def take(self, number: int) -> None:
        self._taken[number] += 1

    def give_back(self, number: int) -> None:
        _drop(self._taken, number)

    def hold_any(self) -> int | None:
        """Hold a free number; None when the pool is exhausted."""
        for _ in range(_RANDOM_TRIES):
            number = self._first_dynamic + self._rng.below(self.high - self._first_dynamic + 1)
            if self.free(number):
                self.hold(number)
                return number
        for number in chain(range(self._first_dynamic, self.high + 1), range(self.low, self._first_dynamic)):
            if self.free(number):
                self.hold(number)
                return number
        return None


def _drop(counter: Counter[int], number: int) -> None:
    if counter[number] > 1:
        counter[number] -= 1
    else:
        del counter[number]


def address_pool(network: IPv4Network | IPv6Network, rng: Rng) -> Pool:
    """The usable addresses of a service range; the band for static ones is min(max(16, size/16), 256)."""
    size = min(network.num_addresses, 1 << 24)
    first = int(network.network_address) + 1
    last = int(network.network_address) + size - (2 if network.version == 4 else 1)
    return Pool(first, last, min(max(16, size // 16), 256) if size > 32 else 0, rng)


def port_pool(low: int, high: int, rng: Rng) -> Pool:
    """Node ports; the band for static ones is min(max(16, size/32), 128)."""
    size = high - low + 1
    return Pool(low, high, min(max(16, size // 32), 128) if size > 32 else 0, rng)


def number_of(address: str) -> int | None:
    """An address as a number, None if it is none."""
    try:
        return int(ip_address(address))
    except ValueError:
        return None
