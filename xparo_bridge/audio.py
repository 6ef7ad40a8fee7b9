# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How sound gets the rate and the frame length that a peer wants.

Sound is s16le mono throughout. Both classes keep what the next piece needs and nothing more, so a
stream may come in pieces of any length.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

ZERO_CROSSINGS = 16  # of the sinc on each side; more is steeper and later
MIN_RATE, MAX_RATE = 4000, 192000  # Hz
_BLOCK = 4096  # output samples made at a time, a bound on memory
_MAX_WEIGHTS = 1 << 18  # of one Resampler, 1 MB


class Resampler:
    """
    Sound of one rate as sound of another, rates in Hz.

    A windowed sinc: what the lower rate cannot carry is filtered out, and the output is late by
    ZERO_CROSSINGS samples of the lower rate.
    """

    def __init__(self, rate_in: int, rate_out: int) -> None:
        for rate in (rate_in, rate_out):
            if not MIN_RATE <= rate <= MAX_RATE:
                raise ValueError(f'a rate of {rate} Hz, expected {MIN_RATE} to {MAX_RATE}')
        self._half = math.ceil(ZERO_CROSSINGS * max(1.0, rate_in / rate_out))
        # One row of weights for each position an output can have between two inputs: rates with
        # no common divisor would have hundreds of MB of them. The nearest ratio with fewer is off
        # by less than 100 parts in a million, as the clocks of two sound cards are.
        rows = max(_MAX_WEIGHTS // (2 * self._half), 1)
        from fractions import Fraction  # 4 ms, and no memory before there is sound.

        ratio = Fraction(rate_out, rate_in)
        if ratio.numerator > rows:
            ratio = 1 / (1 / ratio).limit_denominator(rows)
        self._in, self._out = ratio.denominator, ratio.numerator
        self._sound: NDArray[np.float32] = np.zeros(self._half, np.float32)
        self._at = self._half * self._out  # of the next output, in 1/_out input samples
        cutoff = min(1.0, self._out / self._in)
        distance = (
            np.arange(1 - self._half, self._half + 1)[None, :]
            - np.arange(self._out)[:, None] / self._out
        )
        window = np.cos(np.pi * distance / (2 * self._half)) ** 2
        weights = np.sinc(cutoff * distance) * window
        self._weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)

    def __call__(self, data: bytes) -> bytes:
        """Sound that is complete with this piece; ValueError for half a sample."""
        samples = np.frombuffer(data, '<i2')
        if self._in == self._out:
            return data
        self._sound = np.concatenate((self._sound, samples.astype(np.float32)))
        last = (len(self._sound) - self._half) * self._out  # beyond it input is missing
        made = [np.zeros(0, '<i2')]
        while self._at < last:
            stop = min(last, self._at + _BLOCK * self._in)
            base, phase = np.divmod(np.arange(self._at, stop, self._in), self._out)
            windows = np.lib.stride_tricks.sliding_window_view(self._sound, 2 * self._half)
            sound = np.einsum('ij,ij->i', windows[base - self._half + 1], self._weights[phase])
            made.append(np.clip(np.rint(sound), -32768, 32767).astype('<i2'))
            self._at += len(base) * self._in
        used = self._at // self._out - self._half
        self._sound = self._sound[used:]
        self._at -= used * self._out
        return np.concatenate(made).tobytes()


class Framer:
    """Sound in frames of one length; what does not fill a frame waits for more."""

    def __init__(self, frame_bytes: int) -> None:
        self._length = frame_bytes
        self._rest = b''

    def __call__(self, data: bytes) -> list[bytes]:
        """Frames that are complete with this piece."""
        sound = self._rest + data
        end = len(sound) - len(sound) % self._length
        self._rest = sound[end:]
        return [sound[at : at + self._length] for at in range(0, end, self._length)]
