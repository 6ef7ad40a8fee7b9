# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A state directory that cannot be written, or hangs: the bridge works, and says so once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
import subprocess
import time

from diagnostic_msgs.msg import DiagnosticArray
from fixtures.freezing_disk import freezing_disk, FreezingDisk, NoDisk
from fixtures.kept_state import in_file
from fixtures.ros_graph import RosGraph
from fixtures.system import system
import pytest

TREE = (
    '<root BTCPP_format="4" main_tree_to_execute="t"><BehaviorTree ID="t"><AlwaysSuccess/>'
    '</BehaviorTree></root>'
)
SAVE = {'save_place': {'kind': 'save_place', 'transform_timeout': 0.2}}


async def works(parts) -> None:
    """Run a command and a tree, twice where the second time needs what the first kept."""
    listed = await parts.send('list_commands')
    assert (await parts.ended(listed))['state'] == 'succeeded'
    await parts.operator.request('push_tree', name='t', xml=TREE)
    await parts.operator.wait_for(
        lambda event: (
            event.get('type') == 'behavior_status' and event['data']['state'] == 'succeeded'
        )
    )
    again = await parts.send('run_tree', tree_name='t')
    assert (await parts.ended(again))['state'] == 'succeeded'
    assert parts.bridge.returncode is None


def storage(messages) -> str:
    """What /diagnostics says of the state directory, empty if it works or says nothing yet."""
    for array in reversed(messages):
        for status in array.status:
            if status.name.endswith('state directory') and status.level != status.OK:
                return status.message
    return ''


def reported(bridge) -> list[str]:
    """Lines in which the bridge says that its state directory does not serve."""
    return [line for line in bridge.lines if 'set state_dir to a directory' in line]


def test_a_bridge_starts_where_a_file_stands_for_its_state_directory(tmp_path):
    async def scenario() -> None:
        (tmp_path / 'no_folder').write_text('')
        state = tmp_path / 'no_folder' / 'state'
        with RosGraph() as graph:
            messages = graph.listen(DiagnosticArray, '/diagnostics')
            async with system(tmp_path, state_dir=str(state)) as parts:
                await works(parts)
                graph.until(lambda: 'set state_dir' in storage(messages))
                assert len(reported(parts.bridge)) == 1

    asyncio.run(scenario())


def test_a_bridge_starts_on_a_read_only_disk(tmp_path, disk):
    async def scenario() -> None:
        (disk / 'state').mkdir()
        subprocess.run(['mount', '-o', 'remount,ro', str(disk)], check=True)
        async with system(tmp_path, state_dir=str(disk / 'state')) as parts:
            await works(parts)
            assert len(reported(parts.bridge)) == 1

    asyncio.run(scenario())


def test_a_bridge_goes_on_when_its_disk_fills_and_keeps_all_once_there_is_room(tmp_path, disk):
    async def scenario() -> None:
        state = disk / 'state'
        async with system(tmp_path, state_dir=str(state)) as parts:
            with pytest.raises(OSError), (disk / 'ballast').open('wb', buffering=0) as ballast:
                while ballast.write(bytes(4096)):
                    pass
            await works(parts)
            assert len(reported(parts.bridge)) == 1
            (disk / 'ballast').unlink()
            await parts.operator.request('push_tree', name='u', xml=TREE)
            async with asyncio.timeout(20.0):
                while not any('keeps again' in line for line in parts.bridge.lines):
                    await parts.ended(await parts.send('list_commands'))
                    await asyncio.sleep(0.2)  # Else the commands would fill the disk again.
        assert in_file(state, 'SELECT key FROM trees') == [('t',), ('u',)]

    asyncio.run(scenario())


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[FreezingDisk]:
    """A disk that hangs once it is frozen."""
    try:
        with freezing_disk(tmp_path) as disk:
            yield disk
    except NoDisk as error:
        pytest.skip(f'no file system can be made here: {error}')


def test_a_disk_that_hangs_holds_up_neither_start_nor_commands_and_is_reported(tmp_path, hanging):
    async def answered(parts) -> float:
        began = time.monotonic()
        assert (await parts.ended(await parts.send('list_commands')))['state'] == 'succeeded'
        return time.monotonic() - began

    async def scenario() -> None:
        state = hanging.place / 'state'
        with RosGraph() as graph:
            messages = graph.listen(DiagnosticArray, '/diagnostics')
            async with system(tmp_path, state_dir=str(state)) as parts:
                await answered(parts)
                hanging.freeze()
                # The first waits for the disk, for 0.5 s.
                waits = [await answered(parts) for _ in range(20)]
                assert sorted(waits)[10] < 0.5
                assert max(waits) < 2.5
                graph.until(lambda: 'has not answered' in storage(messages))
                hanging.thaw()
                graph.until(lambda: not storage(messages[-1:]))
                last = await parts.send('list_commands')
                await parts.ended(last)
        assert len(in_file(state, 'SELECT key FROM commands')) == 22
        assert (last,) in in_file(state, 'SELECT key FROM commands')

        hanging.freeze()
        try:
            async with system(tmp_path, state_dir=str(state)) as parts:
                await answered(parts)
                hanging.thaw()
        finally:
            hanging.thaw()

    asyncio.run(scenario())
