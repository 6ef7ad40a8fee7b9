# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The log of a bridge: who it is, what was ordered, and how each order ended."""

from __future__ import annotations

import asyncio

from fixtures.system import system

import xparo_bridge


def test_the_log_has_a_summary_and_each_order_with_its_end(tmp_path):
    async def scenario() -> list[str]:
        async with system(tmp_path) as parts:
            await parts.ended(await parts.send('list_commands'))
            await parts.ended(await parts.send('say', text='hello'))
            await parts.ended(await parts.send('save_place', name='x', api_key='of-nobody'))
            await parts.ended(await parts.send('stop'))
            await asyncio.to_thread(parts.bridge.wait_for_line, r'stop \S+: succeeded')
            return list(parts.bridge.lines)

    lines = asyncio.run(scenario())
    (summary,) = [line for line in lines if f'xparo_bridge {xparo_bridge.__version__}: ' in line]
    assert 'links platform; ' in summary
    assert ' commands, ' in summary
    orders = [line.partition('[xparo_bridge.commands]: ')[2] for line in lines]
    orders = [line for line in orders if 'say' in line or 'stop' in line]
    ordered, ended, *_ = orders
    assert ordered.startswith('platform: say ')
    assert ordered.endswith(' {"text":"hello"}')
    assert ', nobody_speaks: nobody listens to' in ended
    assert not [line for line in lines if 'of-nobody' in line]
    assert not [line for line in lines if 'list_commands' in line and 'platform: list' in line]
