# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The short form of each scenario of `make chaos` that no other test plays."""

from __future__ import annotations

from chaos import death_of_the_bridge


def test_commands_have_one_end_and_no_goal_runs_on_after_kill_9_of_the_bridge():
    death_of_the_bridge.run(times=3, seed=1)
