# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What is installed, under which names, and where others can add to it."""

from pathlib import Path
from xml.etree import ElementTree

from setuptools import find_packages, setup

NAME = 'xparo_bridge'
SHARE = Path('share') / NAME


def share(folder, pattern):
    """Return data_files that keep the folders under `folder` as they are."""
    found = {}
    for path in sorted(Path(folder).rglob(pattern)):
        if path.is_file() and '__pycache__' not in path.parts:
            found.setdefault(str(SHARE / path.parent), []).append(str(path))
    return list(found.items())


setup(
    name=NAME,
    # The version is written in package.xml alone.
    version=ElementTree.parse('package.xml').findtext('version'),
    description='The one ROS 2 node that links a robot to its platform.',
    author='The xparo_bridge authors',
    maintainer='The xparo_bridge authors',
    maintainer_email='maintainers@xparo-bridge.invalid',
    license='Apache-2.0',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={'': ['py.typed'], f'{NAME}.console': ['*.js', '*.css']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (str(SHARE), ['package.xml']),
        *share('launch', '*'),
        *share('config', '*'),
        *share('deploy', '*'),
    ],
    python_requires='>=3.11',
    install_requires=['setuptools'],
    extras_require={
        # What the pages of the desk's console are made with; a robot needs none of it.
        'console': ['nicegui>=3.17'],
        # Bundles of configurations are signed by cryptography, older files migrated by ruamel.
        'fleet': ['cryptography', 'ruamel.yaml'],
        # What plays deploy/ansible.
        'rollout': ['ansible-core>=2.16'],
        # A run's recording of a scenario is written by mcap.
        'scenarios': ['mcap'],
        # By this colcon knows that the tests are pytest's.
        'test': ['pytest'],
    },
    zip_safe=False,
    entry_points={
        'console_scripts': [
            'bridge = xparo_bridge.main:main',
            'check_tree = xparo_bridge.behavior.ros.check_tree:main',
            'config = xparo_bridge.fleet.main:main',
            'console = xparo_bridge.console.main:main',
            'demo = xparo_bridge.local.demo:main',
            'doctor = xparo_bridge.doctor.main:main',
            'local_platform = xparo_bridge.local.local_platform:main',
            'scenario = xparo_bridge.scenarios.command_line:main',
            'simulated_robot = xparo_bridge.local.simulated_robot:main',
            'state = xparo_bridge.state.tool:main',
        ],
        # A protocol by its name in the configuration; other packages may add theirs.
        'xparo_bridge.protocols': [
            'furhat = xparo_bridge.link.protocols.furhat:Furhat',
            'general_bots = xparo_bridge.link.protocols.general_bots:GeneralBots',
            'general_bots_meet = xparo_bridge.link.protocols.general_bots_meet:GeneralBotsMeet',
            'general_bots_source = '
            'xparo_bridge.link.protocols.general_bots_source:GeneralBotsSource',
            'xparo = xparo_bridge.link.protocols.xparo:Xparo',
            'xparo_chatbot = xparo_bridge.link.protocols.xparo_chatbot:XparoChatbot',
            'xparo_dispatch = xparo_bridge.link.protocols.xparo_dispatch:XparoDispatch',
            'xrx = xparo_bridge.link.protocols.xrx:Xrx',
        ],
        # A kind of command by its name in commands.yaml.
        'xparo_bridge.commands': [
            'action = xparo_bridge.robot.commands.kinds.action:Action',
            'apply_configuration = '
            'xparo_bridge.robot.commands.kinds.apply_configuration:ApplyConfiguration',
            'cancel = xparo_bridge.robot.commands.kinds.cancel:Cancel',
            'delete_tree = xparo_bridge.robot.commands.kinds.delete_tree:DeleteTree',
            'dock = xparo_bridge.robot.commands.kinds.dock:Dock',
            'freeze_recording = '
            'xparo_bridge.robot.commands.kinds.freeze_recording:FreezeRecording',
            'halt_tree = xparo_bridge.robot.commands.kinds.halt_tree:HaltTree',
            'list_commands = xparo_bridge.robot.commands.kinds.list_commands:ListCommands',
            'list_recordings = xparo_bridge.robot.commands.kinds.list_recordings:ListRecordings',
            'list_trees = xparo_bridge.robot.commands.kinds.list_trees:ListTrees',
            'navigate = xparo_bridge.robot.commands.kinds.navigate:Navigate',
            'pause = xparo_bridge.robot.commands.kinds.pause:Pause',
            'publish = xparo_bridge.robot.commands.kinds.publish:Publish',
            'resume = xparo_bridge.robot.commands.kinds.resume:Resume',
            'run_tree = xparo_bridge.robot.commands.kinds.run_tree:RunTree',
            'save_place = xparo_bridge.robot.commands.kinds.save_place:SavePlace',
            'say = xparo_bridge.robot.commands.kinds.say:Say',
            'service = xparo_bridge.robot.commands.kinds.service:Service',
            'set_parameter = xparo_bridge.robot.commands.kinds.set_parameter:SetParameter',
            'set_telemetry = xparo_bridge.robot.commands.kinds.set_telemetry:SetTelemetry',
            'status = xparo_bridge.robot.commands.kinds.status:Status',
            'stop = xparo_bridge.robot.commands.kinds.stop:Stop',
            'teleop = xparo_bridge.robot.commands.kinds.teleop:Teleop',
            'undock = xparo_bridge.robot.commands.kinds.undock:Undock',
        ],
        # A fixture for tests of one's own robot.
        'pytest11': ['xparo_bridge = xparo_bridge.scenarios.pytest_plugin'],
        # A module whose nodes behaviour trees may use.
        'xparo_bridge.behavior_nodes': [],
    },
)
