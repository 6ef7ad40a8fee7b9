# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Publishes what a head sees, asked of it only while a node of the robot listens.

Topics `~/head/users`, `~/head/user_poses` and `~/head/camera/compressed`; its microphone and its
voice are `~/audio/heard` and `~/audio/spoken`.
"""

from __future__ import annotations

from collections.abc import Sequence
import json

from geometry_msgs.msg import Pose, PoseArray
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header
from xparo_interfaces.msg import People, Person

from ... import messages as msg
from ...ros.entities import Demand
from ..features import Feature, FeatureContext, Handlers


class Perception(Feature):
    """Users and camera of the head that `routes.head` names; on the ROS thread."""

    def __init__(self, context: FeatureContext) -> None:
        node = context.node
        self._context = context
        self._frame = context.configuration['head']['frame']
        self._watched: set[type] = set()
        self._demand = Demand(self._watch)
        self._users = self._demand.publisher(node, People, '~/head/users')
        self._poses = self._demand.publisher(node, PoseArray, '~/head/user_poses')
        self._camera = self._demand.publisher(node, CompressedImage, '~/head/camera/compressed', 2)
        self.handlers = Handlers()
        self.handlers.on(msg.Users, self._on_users)
        self.handlers.on(msg.CameraFrame, self._on_camera)

    def connected(self, link: str) -> None:
        if link == self._context.roles.head:
            self._watched.clear()
            self._watch()

    def _watch(self) -> None:
        """Have the head send what is listened to, where that is not as it was."""
        head = self._context.roles.head
        if not self._context.links.up(head):
            return
        for kind, topics in (
            (msg.WatchUsers, ('~/head/users', '~/head/user_poses')),
            (msg.WatchCamera, ('~/head/camera/compressed',)),
        ):
            needed = any(topic in self._demand for topic in topics)
            if needed != (kind in self._watched):
                self._watched ^= {kind}
                self._context.links.send(kind(msg.Watch.START if needed else msg.Watch.STOP), head)

    def _header(self) -> Header:
        return Header(stamp=self._context.node.get_clock().now().to_msg(), frame_id=self._frame)

    def _on_users(self, link: str, users: msg.Users) -> None:
        header = self._header()
        poses = [_pose(user) for user in users.users]
        self._poses.publish(PoseArray(header=header, poses=poses))
        self._users.publish(People(header=header, people=_people(users.users, poses)))

    def _on_camera(self, link: str, frame: msg.CameraFrame) -> None:
        self._camera.publish(
            CompressedImage(header=self._header(), format='jpeg', data=frame.jpeg)
        )


def _pose(user: msg.User) -> Pose:
    pose = Pose()
    pose.position.x, pose.position.y, pose.position.z = user.x, user.y, user.z
    return pose


def _people(users: Sequence[msg.User], poses: Sequence[Pose]) -> list[Person]:
    return [
        Person(id=user.user_id, pose=pose, properties=json.dumps(dict(user.other)))
        for user, pose in zip(users, poses, strict=True)
    ]
