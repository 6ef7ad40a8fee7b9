# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How the simulated robot's battery empties and fills."""


class Battery:
    """A 24 V battery that the wheels empty and a dock fills."""

    IDLE_POWER = 10.0
    DRIVING_POWER = 80.0
    CHARGING_POWER = 300.0

    def __init__(self, capacity: float, level: float) -> None:
        """Take the capacity in Wh and the level from 0 to 1."""
        self._capacity = capacity
        self.level = level
        self.power = 0.0

    def step(self, dt: float, effort: float, charging: bool) -> None:
        """Advance by dt; `effort` is the share of full speed in use. Power is W, out positive."""
        self.power = self.IDLE_POWER + self.DRIVING_POWER * min(effort, 1.0)
        if charging:
            self.power -= self.CHARGING_POWER
        used = self.power * dt / 3600.0 / self._capacity
        self.level = min(1.0, max(0.0, self.level - used))

    @property
    def voltage(self) -> float:
        """Volts at the terminals."""
        return 21.0 + 4.2 * self.level

    @property
    def current(self) -> float:
        """Amperes; negative while discharging, as in sensor_msgs/BatteryState."""
        return -self.power / self.voltage
