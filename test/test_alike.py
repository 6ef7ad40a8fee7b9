# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a name that differs from a known one in a little found, in its case too."""

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
    ],
)
def test_the_name_that_was_meant(wrong, known, found):
    assert alike(wrong, known) == found
