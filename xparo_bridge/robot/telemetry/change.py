# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Has a value changed by enough to be worth sending."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any

import numpy


@dataclass(frozen=True, slots=True)
class Threshold:
    """
    How much change counts, in the value's own unit or as a part of the last value sent.

    Numbers inside lists and objects are each compared; of everything else any change counts.
    """

    absolute: float = 0.0
    relative: float = 0.0

    @classmethod
    def parse(cls, text: Any) -> Threshold | None:
        """Threshold of `true`, a number or a percentage such as `5%`; None of `false`."""
        if isinstance(text, bool):
            return cls() if text else None
        try:
            if isinstance(text, str) and text.strip().endswith('%'):
                made = cls(relative=float(text.strip()[:-1]) / 100)
            else:
                made = cls(absolute=float(text))
            if math.isfinite(made.absolute + made.relative) and made.absolute + made.relative >= 0:
                return made
        except (TypeError, ValueError):
            pass
        raise ValueError(
            f'expected true, false, a number or a percentage such as 5%, not "{text}"'
        )

    def exceeded(self, old: Any, new: Any) -> bool:
        """Whether `new` differs from `old` by the threshold or more."""
        if type(old) in _NUMBERS and type(new) in _NUMBERS:
            return self._number(old, new)
        if isinstance(new, Mapping) and isinstance(old, Mapping):
            return old.keys() != new.keys() or any(
                self.exceeded(old[key], new[key]) for key in new
            )
        if isinstance(new, numpy.ndarray) or isinstance(old, numpy.ndarray):
            return self._array(numpy.asarray(old), numpy.asarray(new))
        if isinstance(new, (list, tuple)) and isinstance(old, (list, tuple)):
            return len(old) != len(new) or any(map(self.exceeded, old, new))
        return bool(old != new)

    def _number(self, old: float, new: float) -> bool:
        if old == new or (old != old and new != new):
            return False
        difference = abs(new - old)
        # A change from or to NaN or infinity always counts.
        return not difference < max(self.absolute, self.relative * abs(old))

    def _array(self, old: Any, new: Any) -> bool:
        if old.shape != new.shape:
            return True
        if old.dtype.kind not in 'iuf' or new.dtype.kind not in 'iuf':
            return not numpy.array_equal(old, new)
        old, new = old.astype(numpy.float64), new.astype(numpy.float64)
        with numpy.errstate(invalid='ignore'):
            same = (old == new) | (numpy.isnan(old) & numpy.isnan(new))
            limit = numpy.maximum(self.absolute, self.relative * numpy.abs(old))
            return not bool(numpy.all(same | (numpy.abs(new - old) < limit)))


_NUMBERS = (int, float)
