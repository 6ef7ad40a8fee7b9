# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The messages the telemetry benchmarks are about, filled as a robot fills them."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry, Path
from sensor_msgs.msg import Imu, JointState, LaserScan


def sample_messages() -> dict[str, Any]:
    """Messages by the name their row has."""
    random = Random(1)

    def numbers(count: int) -> list[float]:
        return [random.gauss(0, 1) for _ in range(count)]

    odometry = Odometry(child_frame_id='base_link')
    odometry.pose.pose.position.x, odometry.pose.pose.position.y = numbers(2)
    odometry.pose.pose.orientation.z, odometry.pose.pose.orientation.w = 0.6, 0.8
    odometry.pose.covariance = numbers(36)
    odometry.twist.twist.linear.x, odometry.twist.twist.angular.z = numbers(2)
    odometry.twist.covariance = numbers(36)
    scan = LaserScan(
        angle_min=-math.pi,
        angle_max=math.pi,
        angle_increment=math.tau / 720,
        range_max=12.0,
        ranges=[
            math.inf if random.random() < 0.1 else random.uniform(0.1, 12) for _ in range(720)
        ],
    )
    path = Path()
    for _ in range(300):
        pose = PoseStamped()
        pose.header.frame_id = 'map'
        pose.pose.position.x, pose.pose.position.y = numbers(2)
        path.poses.append(pose)
    joints = JointState(
        name=[f'arm_joint_{number}' for number in range(7)],
        position=numbers(7),
        velocity=numbers(7),
        effort=numbers(7),
    )
    imu = Imu(
        orientation_covariance=numbers(9),
        angular_velocity_covariance=numbers(9),
        linear_acceleration_covariance=numbers(9),
    )
    imu.angular_velocity.z, imu.linear_acceleration.z = numbers(2)
    diagnostics = DiagnosticArray(
        status=[
            DiagnosticStatus(
                name=f'driver {number}: motor',
                message='Running',
                hardware_id='none',
                values=[KeyValue(key=f'temperature {value}', value='36.6') for value in range(5)],
            )
            for number in range(10)
        ]
    )
    messages = {
        'Odometry': odometry,
        'LaserScan 720': scan,
        'Path 300': path,
        'JointState 7': joints,
        'Imu': imu,
        'DiagnosticArray 10x5': diagnostics,
    }
    for message in messages.values():
        message.header.frame_id = 'odom'
        message.header.stamp.sec = 1_700_000_000
        message.header.stamp.nanosec = 123_456_789
    return messages
