# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The short form of each scenario of `make chaos` that no other test plays."""

from __future__ import annotations

import asyncio
from pathlib import Path
import subprocess
import sys

from chaos import (
    bridge_breaks,
    bridge_kills,
    configuration_changes,
    death_as_a_goal_is_sent,
    death_of_the_bridge,
    environment,
    link_faults,
    link_namespaces,
    platform_kills,
    teleop_link_cut,
)
import pytest

TESTS = Path(__file__).parents[1]


def test_all_that_can_be_broken_is_named():
    command = [sys.executable, '-m', 'chaos', '--list']
    named = subprocess.run(command, capture_output=True, text=True, check=True, cwd=TESTS).stdout
    assert [line.partition(':')[0] for line in named.splitlines()] == [
        'bridge_breaks',
        'bridge_kills',
        'configuration_changes',
        'death_as_a_goal_is_sent',
        'death_of_the_bridge',
        'interleavings',
        'link_faults',
        'link_namespaces',
        'platform_kills',
        'teleop_link_cut',
    ]


def test_commands_have_one_end_and_no_goal_runs_on_after_kill_9_of_the_bridge():
    death_of_the_bridge.run(times=3, seed=1)


def test_a_goal_that_was_sent_the_moment_the_bridge_was_killed_does_not_run_on():
    death_as_a_goal_is_sent.run(times=2, seed=1)


def test_the_base_is_told_to_stand_in_time_when_the_link_is_cut():
    teleop_link_cut.run(times=6, seed=1)


def test_the_base_is_told_to_stand_in_time_when_the_bridge_is_killed_stopped_or_stuck():
    bridge_breaks.run(times=3, seed=1)


def test_nothing_is_lost_by_faults_of_the_network_or_kills_of_either_end():
    verdict = asyncio.run(
        environment.play(
            (link_faults.story, 5), (platform_kills.story, 1), (bridge_kills.story, 1)
        )
    )
    assert verdict.taken > 50
    assert verdict.good, str(verdict)
    assert verdict.duplicates > 0, 'nothing was sent again: was anything broken?'


@pytest.mark.timeout(600)
def test_the_bridge_is_back_after_each_kind_of_bad_configuration_and_its_outbox_is_kept():
    configuration_changes.run(times=len(configuration_changes.KINDS), seed=1)


def test_nothing_is_lost_when_a_cable_is_pulled():
    try:
        verdict = asyncio.run(link_namespaces.play(pulls=3))
    except link_namespaces.NoCable as error:
        pytest.skip(str(error))
    assert verdict.taken > 20
    assert verdict.good, str(verdict)
