# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The short form of the chaos between link and platform."""

import asyncio

from chaos import link_namespaces
from chaos.link_faults import play
import pytest


def test_nothing_is_lost_by_faults_of_the_network_or_kills_of_either_end():
    for name, verdict in asyncio.run(play(faults=10, link_kills=2, platform_kills=2)):
        assert verdict.kept > 100, name
        assert verdict.good, f'{name}: {verdict}'
        assert verdict.duplicates > 0, 'nothing was sent again: was anything broken?'


def test_nothing_is_lost_when_a_cable_is_pulled():
    try:
        verdict = asyncio.run(link_namespaces.play(pulls=2))
    except OSError as error:
        pytest.skip(str(error))
    assert verdict.kept > 50
    assert verdict.good, str(verdict)
