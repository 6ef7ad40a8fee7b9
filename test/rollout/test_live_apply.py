# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Changes that a running bridge takes without starting itself anew, asked for in each way."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray
from fixtures.robot_with_store import config, PATIENCE
from fixtures.ros_graph import RosGraph
import pytest
from rcl_interfaces.srv import GetParameters
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_srvs.srv import Trigger
from xparo_interfaces.msg import BridgeStatus, ConfigurationStatus

from xparo_bridge.rollout.bundle import Bundle
from xparo_bridge.rollout.store import APPLIED, Pending, ROLLED_BACK

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
SYSTEM = 'telemetry: {{groups: {{system: {{period: {}}}}}}}\n'


@pytest.mark.timeout(400)
def test_rates_change_while_the_bridge_runs_and_what_does_not_hold_goes_back(robot):
    robot.apply(robot.render(SYSTEM.format(0.5)))
    with robot.bridge() as bridge, RosGraph() as graph:
        statuses: list[BridgeStatus] = graph.listen(BridgeStatus, '/xparo_bridge/status', LATCHED)
        arrays: list[DiagnosticArray] = graph.listen(DiagnosticArray, '/diagnostics')

        def reported(version: int, state: str) -> ConfigurationStatus:
            def holds() -> bool:
                if not statuses:
                    return False
                now = statuses[-1].configuration
                return (now.version, now.state) == (version, state)

            graph.until(holds, PATIENCE, f'version {version} {state}')
            return statuses[-1].configuration

        def rate() -> float:
            asked = GetParameters.Request(names=['telemetry.rate.system'])
            answer = graph.call(GetParameters, '/xparo_bridge/get_parameters', asked)
            return float(answer.values[0].double_value)

        bridge.wait_for_line('holds: applied', timeout=PATIENCE)
        first = reported(1, ConfigurationStatus.APPLIED)
        assert first.hash == Bundle.read(robot.store.folder(robot.store.state.current)).hash
        assert (len(first.layers), first.reason, list(first.drift)) == (4, '', [])
        assert rate() == 2.0
        values = {
            value.key: value.value
            for array in arrays
            for part in array.status
            if part.name.endswith(': configuration')
            for value in part.values
        }
        assert (values['hash'], values['version'], values['state']) == (first.hash, '1', 'applied')

        # By the service, for who may not signal the bridge.
        release = robot.store.stage(Bundle.read(robot.render(SYSTEM.format(0.25))))
        robot.store.apply(Pending(release, 40.0))
        assert graph.call(Trigger, '/xparo_bridge/apply_configuration', Trigger.Request()).success
        bridge.wait_for_line(f'configuration {release} holds: applied', timeout=PATIENCE)
        reported(2, ConfigurationStatus.APPLIED)
        assert rate() == 4.0
        # By config undo.
        undone = config('undo', '--store', robot.store.path)
        assert undone.returncode == 0, undone.stdout + undone.stderr
        reported(1, ConfigurationStatus.APPLIED)
        assert rate() == 2.0
        assert not any('stopping' in line for line in bridge.lines), 'it has started anew'

        # Telemetry that is not sent within the trial does not hold.
        bad = robot.apply(robot.render(SYSTEM.format(600), within=5.0))
        assert bad.returncode == 1, bad.stdout
        assert 'telemetry does not send cpu_usage' in bad.stderr
        back = reported(1, ConfigurationStatus.ROLLED_BACK)
        assert 'telemetry does not send cpu_usage' in back.reason
        assert robot.store.state.state == ROLLED_BACK
        assert rate() == 2.0


@pytest.mark.timeout(400)
def test_apply_and_undo_where_the_robot_cannot_be_connected(robot):
    first = robot.apply(robot.render(port=1), '--offline')
    assert first.returncode == 0, first.stderr
    with robot.bridge() as bridge:
        bridge.wait_for_line('holds: applied', timeout=PATIENCE)
        second = robot.apply(robot.render('head: {frame: face}\n', port=1), '--offline')
        assert second.returncode == 0, second.stdout + second.stderr
        undone = config('undo', '--store', robot.store.path, '--offline')
        assert undone.returncode == 0, undone.stdout + undone.stderr
        state = robot.store.state
        assert (state.state, state.current[:2]) == (APPLIED, '1-')
    # Also while no bridge runs: then at its next start.
    undone = config('undo', '--store', robot.store.path, '--offline')
    assert 'on trial at the next start' in undone.stdout, undone.stderr
    with robot.bridge() as bridge:
        bridge.wait_for_line('holds: applied', timeout=PATIENCE)
    assert robot.store.state.current.startswith('2-')


@pytest.mark.timeout(300)
def test_a_bridge_of_a_store_is_in_the_namespace_that_its_configuration_gives_it(robot):
    text = 'launch: {namespace: "%s", remappings: {/diagnostics: diagnostics}}\n'
    robot.apply(robot.render(text % 'a/r7'))
    with robot.bridge() as bridge, RosGraph() as graph:
        bridge.wait_for_line(r'\[a\.r7\.xparo_bridge.*holds: applied', timeout=PATIENCE)
        published = graph.node.get_topic_names_and_types
        graph.until(lambda: '/a/r7/diagnostics' in dict(published()), PATIENCE)
        assert robot.apply(robot.render(text % 'b'), '--no-wait').returncode == 0
        bridge.wait_for_line(r'\[b\.xparo_bridge.*holds: applied', timeout=PATIENCE)
        # What ROS does not take is taken back.
        robot.apply(robot.render('launch: {remappings: {/odom: "no name"}}\n'))
        assert robot.store.state.state == ROLLED_BACK
        assert 'launch: ROS does not take' in robot.store.state.reason
