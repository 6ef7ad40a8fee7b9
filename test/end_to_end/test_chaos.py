# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The short form of each scenario of `make chaos` that no other test plays."""

from __future__ import annotations

from chaos import death_of_the_bridge, teleop_link_cut


def test_commands_have_one_end_and_no_goal_runs_on_after_kill_9_of_the_bridge():
    death_of_the_bridge.run(times=3, seed=1)


def test_the_base_is_told_to_stand_in_time_when_the_link_is_cut():
    teleop_link_cut.run(times=6, seed=1)
