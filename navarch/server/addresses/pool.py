"""Pools of addresses and ports: what is taken, and what is free.

A number is *held* while the write that wants it is under way, and *taken* as long as an object in the
store shows it. Pools follow the store's events, so that what another writer took is known here too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from itertools import chain
from typing import NamedTuple

from navarch.seams.contract import Rng

#: Random tries before a band is searched in order.
_RANDOM_TRIES = 16


class Band(NamedTuple):
    """Numbers [low, high]. The lowest `static` ones are given only to those who ask for one by name, as
    long as others are free. Source: KEP-3070 and KEP-3668."""

    low: int
    high: int
    static: int


class Pool:
    """Numbers of some bands, which may change and overlap."""

    def __init__(self, bands: Sequence[Band], rng: Rng) -> None:
        self.bands = bands
        self._rng = rng
        self._taken: Counter[int] = Counter()
        self._held: Counter[int] = Counter()

    def __contains__(self, number: int) -> bool:
        return any(band.low <= number <= band.high for band in self.bands)

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
        """Hold a free number of the first band that has one; None when all are exhausted."""
        for band in self.bands:
            number = self._any_of(band)
            if number is not None:
                self.hold(number)
                return number
        return None

    def _any_of(self, band: Band) -> int | None:
        first = band.low + band.static
        for _ in range(_RANDOM_TRIES):
            number = first + self._rng.below(band.high - first + 1)
            if self.free(number):
                return number
        return next((n for n in chain(range(first, band.high + 1), range(band.low, first)) if self.free(n)), None)


def _drop(counter: Counter[int], number: int) -> None:
    if counter[number] > 1:
        counter[number] -= 1
    else:
        del counter[number]


def address_band(network: IPv4Network | IPv6Network) -> Band:
    """The usable addresses of a service range; the part for static ones is min(max(16, size/16), 256)."""
    size = min(network.num_addresses, 1 << 24)
    first = int(network.network_address) + 1
    last = int(network.network_address) + size - (2 if network.version == 4 else 1)
    return Band(first, last, min(max(16, size // 16), 256) if size > 32 else 0)


def port_band(low: int, high: int) -> Band:
    """Node ports; the part for static ones is min(max(16, size/32), 128)."""
    size = high - low + 1
    return Band(low, high, min(max(16, size // 32), 128) if size > 32 else 0)


def number_of(address: str) -> int | None:
    """An address as a number, None if it is none."""
    try:
        return int(ip_address(address))
    except ValueError:
        return None
