"""Which thresholds a node has reached, and which conditions that makes. Pure: levels and time in, pressure out.

    met at all        -> the condition is True, and stays so for the transition period after it was met last
    met for its grace -> something has to be reclaimed

Source: the kubelet's eviction manager (`synchronize`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from navarch.node.eviction.thresholds import SIGNALS, EvictionConfig, Level, Threshold, is_met, thresholds


@dataclass(frozen=True, slots=True)
class Pressure:
    """`conditions` are those that are True. `due`: the thresholds for which something must be reclaimed now."""

    conditions: frozenset[str] = frozenset()
    due: tuple[Threshold, ...] = ()


NO_PRESSURE = Pressure()


@dataclass(slots=True)
class Gauge:
    """Remembers since when thresholds are met and when conditions were seen last."""

    config: EvictionConfig
    _since: dict[Threshold, float] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)
    _thresholds: tuple[Threshold, ...] = ()

    def __post_init__(self) -> None:
        self._thresholds = tuple(thresholds(self.config))

    def read(self, levels: Mapping[str, Level], now: float) -> Pressure:
        """What the levels mean now."""
        met = tuple(self._met(levels))
        if not met and not self._last:
            self._since.clear()
            return NO_PRESSURE
        self._since = {threshold: self._since.get(threshold, now) for threshold in met}
        for threshold in met:
            self._last[SIGNALS[threshold.signal][0]] = now
        for condition, seen in list(self._last.items()):
            if now - seen >= self.config.pressure_transition_s:
                del self._last[condition]
        due = tuple(t for t in met if now - self._since[t] >= t.grace_s)
        return Pressure(frozenset(self._last), due)

    def _met(self, levels: Mapping[str, Level]) -> Iterable[Threshold]:
        for threshold in self._thresholds:
            level = levels.get(threshold.signal)
            if level is not None and is_met(threshold, level, with_reclaim=threshold in self._since):
                yield threshold
