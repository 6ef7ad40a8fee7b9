# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a name that differs from a known one in a little found, in its case too."""

import time

import pytest

from xparo_bridge.alike import alike


@pytest.mark.parametrize(
    ('wrong', 'known', 'found'),
    [
        ('STOP', ['stop', 'go'], ['stop']),
        ('Stop', ['stop', 'go'], ['stop']),
        ('led', ['LED', 'lid'], ['LED']),
        ('STPO', ['go', 'stop'], ['stop']),
        ('xyz', ['stop'], []),
        ('stop', [], []),
        ('stopsto', ['stop'], ['stop']),
        ('stopstopst', ['stop'], []),
    ],
)
def test_the_name_that_was_meant(wrong, known, found):
    assert alike(wrong, known) == found


def test_a_name_that_is_far_too_long_is_not_looked_at():
    began = time.process_time()
    assert alike('x' * 10_000_000, [f'place {number}' for number in range(1000)]) == []
    assert time.process_time() - began < 0.05
