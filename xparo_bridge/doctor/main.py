# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`doctor`: check a robot from outside in, and say what to do about what is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
import importlib.util
import json
import os
from pathlib import Path
import socket
import sys

from ..argument_types import Parser, positive
from ..closed_output import ends_with_its_reader
from ..configuration import Configuration, ConfigurationError
from ..rollout.source import is_folder, layered, lies_over, package_files, read_configuration
from ..rollout.store import is_store, Store
from ..state.state import state_path
from .beside import Job, run_beside
from .finding import exit_code, Finding, not_checked, ok, problem, State
from .middleware import check_middleware

WRONG_USAGE = 2
_TIMEOUT = 3.0
_LEAST_FREE = 100  # MiB
# Stages of a link and of the graph that follow one another.
_STAGES = 6
_AREAS = ('link', 'machine', 'ros')
_EPILOG = """\
  doctor /etc/xparo/robot.yaml
  doctor --config fleet/ --robot r7
  doctor robot.yaml --ros-args -r __ns:=/r7

Files lie over the package's own, as bridge.launch.py has them, unless one of these is named. It
runs beside a running bridge or without one, and changes nothing.

exit codes: 0 no problem, 1 a problem, 2 wrong arguments
"""


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        'doctor',
        description='Check a robot from outside in: network, machine, ROS.',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('files', nargs='*', metavar='FILE', help='configuration files, in layers')
    parser.add_argument(
        '--config', metavar='FOLDER', help='folder of a fleet, a bundle or applied configurations'
    )
    parser.add_argument(
        '--alone', action='store_true', help="take the files alone, not over the package's own"
    )
    parser.add_argument('--robot', default='', metavar='ID', help='robot_id, as of the bridge')
    parser.add_argument('--json', action='store_true', help='print JSON')
    parser.add_argument(
        '--timeout', type=positive, default=_TIMEOUT, help=f'of a check, s (default {_TIMEOUT:g})'
    )
    parser.add_argument(
        '--min-free',
        type=int,
        default=_LEAST_FREE,
        metavar='MIB',
        help=f'room that the disk should have (default {_LEAST_FREE})',
    )
    parser.add_argument(
        '--only', choices=_AREAS, action='append', help='check this alone; may be repeated'
    )
    parser.add_argument(
        '--no-handshake', action='store_true', help='do not ask the platform about the key'
    )
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line without its part for ROS; it ends the program as argparse does."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.files and options.config:
        parser.error('give either files or --config FOLDER')
    if options.timeout <= 0:
        parser.error('--timeout: expected seconds above 0')
    if options.config and not is_folder(options.config):
        parser.error(f'--config: no folder {options.config}')
    return options


@ends_with_its_reader
def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; an exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    ros_args: list[str] = []
    if '--ros-args' in arguments:
        at = arguments.index('--ros-args')
        arguments, ros_args = arguments[:at], arguments[at:]
    try:
        options = parse(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    findings: list[Finding] = []
    for finding in diagnose(options, ros_args):
        findings.append(finding)
        if not options.json:
            print(finding.line(), flush=True)
    counts = {state: sum(one.state is state for one in findings) for state in State}
    if options.json:
        report = {
            'findings': [finding.as_json() for finding in findings],
            'counts': {state.value: count for state, count in counts.items()},
        }
        print(json.dumps(report, indent=2))
    else:
        print(', '.join(f'{count} {state.value}' for state, count in counts.items()))
    return exit_code(findings)


def diagnose(options: argparse.Namespace, ros_args: Sequence[str]) -> Iterator[Finding]:
    """Make all checks of a robot, those that can beside each other; from outside in."""
    configuration, found = _configuration(options)
    yield from found
    jobs = list(_jobs(options, configuration, ros_args))
    for findings in run_beside(jobs):
        yield from findings


def _configuration(options: argparse.Namespace) -> tuple[Configuration | None, list[Finding]]:
    """Read what is to be checked; what is right of it if something is wrong."""
    subject = options.config or ', '.join(layered(options.files, alone=options.alone))
    remedy = 'correct the file; `config check` says the same'
    try:
        if options.config:
            folder = Path(options.config).expanduser()
            if is_store(folder):
                store = Store(folder)
                folder = store.folder(store.state.current)
            files = [folder]
        else:
            files = package_files(layered(options.files, alone=options.alone))
        configuration = read_configuration(files, options.robot)
    except ConfigurationError as error:
        wrong = [problem('configuration', subject, text, remedy) for text in error.problems]
        return error.rest, wrong
    except (OSError, ValueError) as error:
        return None, [problem('configuration', subject, str(error), remedy)]
    over = '' if options.config else lies_over(options.files, alone=options.alone)
    words = f'is right, {over}' if over else 'is right'
    return configuration, [ok('configuration', subject, words)]


def _jobs(
    options: argparse.Namespace, configuration: Configuration | None, ros_args: Sequence[str]
) -> Iterator[Job]:
    from . import interfaces, machine, network

    timeout = options.timeout
    areas = set(options.only or _AREAS)
    if 'link' in areas:
        yield Job('network', 'interfaces', interfaces.check_interfaces, timeout)
    if 'machine' in areas:
        yield Job('versions', 'packages', machine.check_versions, timeout)
        yield Job('shared memory', '/dev/shm', machine.check_shared_memory, timeout)
        if options.config and is_store(Path(options.config).expanduser()):
            store = Path(options.config).expanduser()
            yield Job('rollout', str(store), partial(machine.check_store, store), timeout)
    if configuration is None:
        missing = [not_checked('links', 'all', 'the configuration cannot be read', 'correct it')]
        yield Job('links', 'all', lambda: missing, timeout)
        return
    robot_id = options.robot or configuration.data.get('robot_id') or socket.gethostname()
    # As it is now: the check of ROS changes it for a while.
    environment = dict(os.environ)
    for link in configuration['links'] if 'link' in areas else ():
        yield Job(
            'link',
            link['name'],
            partial(
                network.check_link,
                link,
                robot_id,
                timeout,
                environment,
                handshake=not options.no_handshake,
            ),
            timeout * _STAGES * (1 + len(link['failover_urls'])),
        )
    if 'machine' in areas:
        state = state_path(configuration['state_dir'], robot_id)
        least = options.min_free * 1024 * 1024
        yield Job('disk', str(state), partial(machine.check_disk, state, least), timeout)
        permissions = partial(machine.check_permissions, configuration.data, robot_id)
        yield Job('permissions', 'files', permissions, timeout)
    if 'ros' in areas:
        ros = partial(_check_ros, configuration, ros_args, timeout)
        yield Job('ROS', 'graph', ros, timeout * _STAGES)


def _check_ros(
    configuration: Configuration, ros_args: Sequence[str], timeout: float
) -> Iterator[Finding]:
    if importlib.util.find_spec('rclpy') is None:
        words, remedy = 'rclpy is not installed', 'source the setup file of ROS 2'
        yield not_checked('discovery', 'ROS', words, remedy)
        return
    unusable = list(check_middleware(timeout))
    yield from unusable
    if unusable:
        words, remedy = 'ROS does not start with this middleware', 'mend that first'
        yield not_checked('discovery', 'ROS', words, remedy)
        return
    # Only here: it takes a second of a small computer.
    from .expectations import expectations, RosArgumentsError
    from .graph import check_domain, check_graph

    wrong = list(check_domain())
    yield from wrong
    if wrong:
        words, remedy = 'ROS cannot be joined in this domain', 'mend that first'
        yield not_checked('discovery', 'ROS', words, remedy)
        return
    try:
        expected = expectations(configuration, ros_args)
    except RosArgumentsError as error:
        remedy = 'give what follows --ros-args as to the bridge'
        yield problem('ROS', 'arguments', str(error).splitlines()[0], remedy)
        return
    for text in expected.problems:
        yield problem('configuration', 'parts of the bridge', text, 'correct the file')
    yield from check_graph(expected, ros_args, timeout)


if __name__ == '__main__':
    sys.exit(main())
