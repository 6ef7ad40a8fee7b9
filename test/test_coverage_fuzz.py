# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Every decoder takes every seed: what peers send, and what once did harm."""

from __future__ import annotations

import coverage_fuzz
import pytest


@pytest.mark.parametrize(
    ('decoder', 'seed'),
    [
        (decoder, seed)
        for decoder in coverage_fuzz.decoders()
        for seed in coverage_fuzz.seeds(decoder)
    ],
    ids=lambda value: getattr(value, 'name', value),
)
def test_a_seed_does_no_harm(decoder, seed):
    coverage_fuzz.decoders()[decoder](seed.read_bytes())


def test_every_decoder_has_seeds():
    assert all(map(coverage_fuzz.seeds, coverage_fuzz.decoders()))
