# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does sound keep its pitch, its loudness and its length when its rate changes?"""

import tracemalloc

import numpy as np
import pytest

from xparo_bridge.audio import Framer, MAX_RATE, MIN_RATE, Resampler


def tone(hertz, rate, seconds=0.5, loud=10000):
    return (loud * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype('<i2')


def loudness(samples):
    middle = samples[len(samples) // 4 : -len(samples) // 4].astype(float)
    return np.sqrt(np.mean(middle**2))


@pytest.mark.parametrize('rate_in', [8000, 22050, 24000, 44100, 48000])
def test_a_tone_keeps_its_pitch_and_loudness(rate_in):
    out = np.frombuffer(Resampler(rate_in, 16000)(tone(1000, rate_in).tobytes()), '<i2')
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    assert np.argmax(spectrum) * 16000 / len(out) == pytest.approx(1000, abs=5)
    assert loudness(out) == pytest.approx(10000 / np.sqrt(2), rel=0.01)


def test_what_the_lower_rate_cannot_carry_is_filtered_out_not_folded_down():
    out = np.frombuffer(Resampler(48000, 16000)(tone(11000, 48000).tobytes()), '<i2')
    assert loudness(out) < 10000 / 100  # 40 dB


@pytest.mark.parametrize('rate_in', [8000, 44100, 48000])
def test_pieces_of_any_length_give_what_the_whole_gives(rate_in):
    sound = tone(440, rate_in).tobytes()
    whole = Resampler(rate_in, 16000)(sound)
    resample, pieces, at = Resampler(rate_in, 16000), [], 0
    for length in [2, 14, 0, 4000, 30, 998] * 100:
        pieces.append(resample(sound[at : at + length]))
        at += length
    assert at > len(sound)
    assert b''.join(pieces) == whole


def test_no_time_is_lost_or_made_over_a_long_stream():
    resample = Resampler(44100, 16000)
    made = sum(len(resample(bytes(882))) for _ in range(1000)) // 2  # 10 s
    assert 160000 - 20 <= made <= 160000


def test_the_loudest_sound_is_clipped_and_does_not_wrap():
    square = np.tile(np.repeat(np.array([32767, -32768], '<i2'), 40), 100)
    out = np.frombuffer(Resampler(48000, 16000)(square.tobytes()), '<i2')
    assert out.max() == 32767 and out.min() == -32768


def test_the_same_rate_is_passed_through():
    assert Resampler(16000, 16000)(b'\x01\x02') == b'\x01\x02'


@pytest.mark.parametrize('rate', [0, -16000, 3999, 192001])
def test_a_rate_nobody_has_is_refused(rate):
    with pytest.raises(ValueError, match='Hz'):
        Resampler(rate, 16000)


def test_half_a_sample_is_refused():
    with pytest.raises(ValueError):
        Resampler(48000, 16000)(b'\x01')


def test_frames_are_full_and_nothing_is_lost():
    frames = Framer(4)
    assert frames(b'abc') == []
    assert frames(b'defghij') == [b'abcd', b'efgh']
    assert frames(b'kl') == [b'ijkl']


ODD_PAIRS = [
    (MAX_RATE - 1, MIN_RATE + 1),
    (MIN_RATE + 1, MAX_RATE - 1),
    (44100, 44101),
    (16000, 15991),
    (MAX_RATE, MIN_RATE),
]


@pytest.mark.parametrize(('rate_in', 'rate_out'), ODD_PAIRS)
def test_rates_without_a_common_divisor_cost_no_memory_and_keep_pitch_and_length(
    rate_in, rate_out
):
    tracemalloc.start()
    try:
        resample = Resampler(rate_in, rate_out)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6  # bytes
    out = np.frombuffer(resample(tone(400, rate_in, seconds=1.0).tobytes()), '<i2')
    late = 16 * max(1, rate_out / rate_in) + 16
    assert len(out) == pytest.approx(rate_out - late, abs=rate_out * 1e-4 + late)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    assert np.argmax(spectrum) * rate_out / len(out) == pytest.approx(400, abs=2)
