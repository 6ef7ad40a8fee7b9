# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is the guard what its bridge is: in its namespace and its time, and gone with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

from fixtures.ros_graph import RosGraph
from geometry_msgs.msg import Twist, TwistStamped
import pytest
import rclpy
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock

from xparo_bridge.robot.commands import guard_process
from xparo_bridge.robot.commands.guard_process import GuardProcess
from xparo_bridge.ros.velocity import Velocity
from xparo_bridge.ros.velocity_topic import VelocityTopic


@pytest.fixture
def base():
    with RosGraph('base') as graph:
        yield graph


def guard_of(graph, **options):
    """Make the guard of a node and wait until it is there."""
    topic = VelocityTopic(graph.node, 'cmd_vel', **options)
    guard = GuardProcess(graph.node, [topic], 0.2)
    assert guard.wait_ready(30.0)
    return guard, topic


def drive(graph, base, guard, topic, received):
    """Drive until it is heard."""

    def heard():
        topic.look()
        guard.drive(topic, Velocity(0.3), time.monotonic() + 0.5)
        graph.becomes(lambda: False, 0.02)
        base.becomes(lambda: False, 0.02)
        return received and getattr(received[-1], 'twist', received[-1]).linear.x == 0.3

    graph.until(heard)


def test_it_publishes_where_the_bridge_would(base):
    received = base.listen(Twist, '/robot_1/drive')
    context = rclpy.Context()
    rclpy.init(
        context=context, args=['--ros-args', '-r', 'cmd_vel:=drive', '-r', '__ns:=/robot_1']
    )
    node = rclpy.create_node('xparo_bridge', context=context)
    graph = RosGraph('other')
    graph.node.destroy_node()
    graph.node = node
    with graph:
        guard, topic = guard_of(graph)
        drive(graph, base, guard, topic, received)
        name = ('xparo_bridge_guard', '/robot_1')
        base.until(lambda: name in base.node.get_node_names_and_namespaces())
        guard.close()
    context.try_shutdown()


def test_stamps_are_simulated_time_where_that_is_used(base):
    received = base.listen(TwistStamped, '/cmd_vel')
    clock = base.node.create_publisher(Clock, '/clock', 10)
    with RosGraph('xparo_bridge') as graph:
        graph.node.set_parameters([Parameter('use_sim_time', value=True)])
        message = Clock()
        message.clock.sec = 1234

        def simulated():
            clock.publish(message)
            graph.becomes(lambda: False, 0.02)
            return graph.node.get_clock().now().nanoseconds

        graph.until(simulated)
        guard, topic = guard_of(graph, message='TwistStamped', frame='base_footprint')
        drive(graph, base, guard, topic, received)
        stamps = [each.header.stamp.sec for each in received if each.twist.linear.x]
        assert all(1234 <= stamp <= 1236 for stamp in stamps), stamps
        assert received[-1].header.frame_id == 'base_footprint'
        guard.close()


_BRIDGE = """
import rclpy, time
from xparo_bridge.robot.commands.guard_process import GuardProcess
from xparo_bridge.ros.velocity_topic import VelocityTopic
rclpy.init()
node = rclpy.create_node('xparo_bridge')
guard = GuardProcess(node, [VelocityTopic(node, 'cmd_vel')], 0.2)
assert guard.wait_ready(30.0)
print(guard.pid, flush=True)
time.sleep(600)
"""


def test_it_is_gone_with_its_bridge():
    with subprocess.Popen(
        [sys.executable, '-c', _BRIDGE], stdout=subprocess.PIPE, text=True
    ) as bridge:
        assert bridge.stdout is not None
        pid = int(bridge.stdout.readline())
        assert os.getsid(pid) != os.getsid(bridge.pid)  # Ctrl-Z of a terminal leaves it running.
        bridge.send_signal(signal.SIGKILL)
        bridge.wait(20)
        end = time.monotonic() + 20.0
        while os.path.exists(f'/proc/{pid}') and not _is_zombie(pid):
            assert time.monotonic() < end, 'the guard outlived its bridge'
            time.sleep(0.01)


def _is_zombie(pid):
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rpartition(')')[2].split()[0] == 'Z'
    except OSError:
        return True


def test_one_that_cannot_be_started_is_tried_again(monkeypatch):
    with RosGraph('xparo_bridge') as graph:
        right = sys.executable
        monkeypatch.setattr(sys, 'executable', '/nowhere/python')
        guard = GuardProcess(graph.node, [VelocityTopic(graph.node, 'cmd_vel')], 0.2)
        assert not guard.ready
        assert 'started again' in str(guard.problem())
        monkeypatch.setattr(sys, 'executable', right)
        graph.until(lambda: guard.check() or guard.ready)
        guard.close()


def test_one_that_takes_its_time_to_start_is_waited_for_and_not_started_again(capfd):
    with RosGraph('xparo_bridge') as graph:
        guard = GuardProcess(graph.node, [VelocityTopic(graph.node, 'cmd_vel')], 0.2)
        pid = guard.pid
        assert guard.wait_ready(0.001) is False
        assert guard.problem() == 'the process that guards the base is starting'
        guard.check()
        assert guard.pid == pid
        assert guard.wait_ready(30.0) is True
        assert (guard.pid, guard.problem()) == (pid, None)
        guard.close()
        assert 'is lost' not in capfd.readouterr().err


def test_one_that_ends_before_it_is_ready_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(sys, 'executable', '/bin/false')
    with RosGraph('xparo_bridge') as graph:
        guard = GuardProcess(graph.node, [VelocityTopic(graph.node, 'cmd_vel')], 0.2)
        assert guard.wait_ready(30.0) is False
        assert 'started again' in str(guard.problem())
        guard.close()


def test_to_let_it_go_leaves_neither_a_process_nor_a_socket(base, monkeypatch):
    monkeypatch.setattr(guard_process, '_END_TIMEOUT', 20.0)  # However busy the machine is.
    with RosGraph('xparo_bridge') as graph:
        before = descriptors()
        guard, _ = guard_of(graph)
        process = guard._process
        began = time.monotonic()
        guard.close()
        assert time.monotonic() - began < 20.0
        assert process.returncode == 0
        assert not os.path.exists(f'/proc/{process.pid}')
        assert (guard.pid, guard.ready) == (None, False)
        assert descriptors() == before
        guard.check()  # And it is not started again.
        assert guard.pid is None


def test_one_that_does_not_end_holds_up_nobody(base, monkeypatch):
    monkeypatch.setattr(guard_process, '_END_TIMEOUT', 0.1)
    with RosGraph('xparo_bridge') as graph:
        guard, _ = guard_of(graph)
        pid = guard.pid
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        guard.close()
        assert time.monotonic() - began < 5.0
        assert guard.pid is None
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


# What becomes of it, and what is said: of one that ended it depends on what was under way.
LOSSES = {
    'silent': (lambda guard: os.kill(guard.pid, signal.SIGSTOP), ('it does not answer',)),
    'ended': (
        lambda guard: os.kill(guard.pid, signal.SIGKILL),
        ('it ended', 'Connection reset by peer', 'it takes no orders: Broken pipe'),
    ),
    'mad': (lambda guard: guard._on_data(b'no record'), ('',)),
}


@pytest.mark.parametrize('how', LOSSES)
def test_one_that_serves_no_more_is_killed_and_leaves_nothing(base, capfd, how):
    with RosGraph('xparo_bridge') as graph:
        before = descriptors()
        guard, topic = guard_of(graph)
        process = guard._process
        lose, words = LOSSES[how]
        lose(guard)

        def lost():
            guard.stand(topic, 0.1)  # An order that is to be answered.
            guard.check(0.05)
            return guard.pid != process.pid

        graph.until(lost)
        graph.until(lambda: guard.check() or guard.ready)
        graph.until(lambda: guard.check() or not guard._killed)
        assert process.returncode == -signal.SIGKILL
        assert not os.path.exists(f'/proc/{process.pid}')
        assert guard.pid not in (None, process.pid)
        said = capfd.readouterr().err
        assert any(f'is lost: {each}' in said for each in words)
        assert said.count('starting another') == 1
        guard.close()
        assert descriptors() == before


def descriptors():
    """How many sockets this process has open."""
    found = 0
    for number in os.listdir('/proc/self/fd'):
        with contextlib.suppress(OSError):
            found += os.readlink(f'/proc/self/fd/{number}').startswith('socket:')
    return found
