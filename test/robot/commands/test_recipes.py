# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the recipes of docs/commands.md work as they stand there."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
import re

import yaml

from xparo_bridge.messages import CommandState

PAGE = Path(__file__).parents[3] / 'docs' / 'commands.md'
PLACES = {name: {'x': 0.0, 'y': 0.0} for name in ('entrance', 'table_1', 'kitchen', 'table_6')}


def test_every_recipe_is_a_configuration_that_works(station):
    recipes = [
        yaml.safe_load(block)
        for block in re.findall(r'```yaml\n(.*?)```', PAGE.read_text(), re.DOTALL)
    ]
    commands = {}
    for recipe in recipes:
        commands.update(recipe.get('commands', {}))
    assert {'dock', 'call_elevator', 'led', 'patrol'} <= commands.keys()
    # The building's own type is not installed here.
    commands['call_elevator'].update(type='nav2_msgs/srv/LoadMap', request={'map_url': '${floor}'})
    (loss,) = [recipe['link_loss'] for recipe in recipes if 'link_loss' in recipe]
    # What the package's telemetry has.
    groups = {'battery': {'topic': '/battery_state'}, 'system': {}, 'pose': {}}
    at = station(
        {**commands, 'pause': {'kind': 'pause'}},
        places=PLACES,
        link_loss=loss,
        telemetry={'groups': groups},
    )
    for command, parameters in (
        ('dock', {}),
        ('call_elevator', {'floor': 3}),
        ('led', {'red': 1}),
        ('patrol', {}),
    ):
        assert at.send(command, **parameters).state is not CommandState.REJECTED, at.reported[-1]


def test_every_kind_has_its_line_on_the_page():
    page = PAGE.read_text()
    for point in entry_points(group='xparo_bridge.commands'):
        assert f'`{point.name}`' in page, point.name
