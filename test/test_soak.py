# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The soak test in short; `make soak` is the long one."""

from soak import soak


def test_the_bridge_stays_as_it_is_while_topics_come_and_go(tmp_path):
    seen = soak(20.0, tmp_path)
    assert seen.frames > 100
    assert seen.topics > 10
    assert seen.problems == []
