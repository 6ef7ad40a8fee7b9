# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Send a finished rosbag to the platform: action `~/upload_rosbag`, so that a program on the robot
and, by a command of kind `action`, the platform can order it and see how far it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from rclpy.action import CancelResponse
from rclpy.node import Node
from rclpy.task import Future
from xparo_interfaces.action import UploadRosbag

from ...messages import CancelUpload, UploadBag, UploadEnded, UploadProgress
from ...ros.entities import action_server


class BagUploads:
    """Uploads that were ordered and have not ended; on the ROS thread."""

    def __init__(
        self,
        node: Node,
        settings: Mapping[str, Any],
        send: Callable[[Any, str], str],
        recordings: Path | None = None,
    ) -> None:
        """
        Take `bags` of the configuration, and what sends to a link, or says why it cannot.

        `recordings` is the folder of the black box's, which are bags too.
        """
        folder = Path(settings['folder']).expanduser() if settings['folder'] else None
        self._folders = [one for one in (folder, recordings) if one is not None]
        self._max_rate = settings['max_rate']
        self._send = send
        self._goals: dict[str, tuple[Any, Future]] = {}
        self._server = action_server(
            node,
            UploadRosbag,
            '~/upload_rosbag',
            execute_callback=self._execute,
            cancel_callback=self._on_cancel,
        )

    def progress(self, link: str, progress: UploadProgress) -> None:
        """Take how far an upload is."""
        if progress.upload_id in self._goals:
            self._goals[progress.upload_id][0].publish_feedback(
                UploadRosbag.Feedback(file=progress.file, sent=progress.sent, total=progress.total)
            )

    def ended(self, link: str, end: UploadEnded) -> None:
        """Take that an upload is over."""
        if end.upload_id in self._goals:
            self._goals[end.upload_id][1].set_result(end.error)

    def _on_cancel(self, handle: Any) -> CancelResponse:
        for upload_id, (goal, _) in self._goals.items():
            if goal.goal_id == handle.goal_id:
                self._send(CancelUpload(upload_id), handle.request.link)
        return CancelResponse.ACCEPT

    async def _execute(self, handle: Any) -> UploadRosbag.Result:
        upload_id, goal, ended = uuid4().hex, handle.request, Future()
        error = self._begin(upload_id, goal)
        if not error:
            self._goals[upload_id] = handle, ended
            if handle.is_cancel_requested:
                self._send(CancelUpload(upload_id), goal.link)
            error = await ended
            del self._goals[upload_id]
        if not error:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return UploadRosbag.Result(success=not error, error=error)

    def _begin(self, upload_id: str, goal: UploadRosbag.Goal) -> str:
        """Order an upload; why it cannot be done, empty if it was."""
        if not self._folders:
            return 'no folder of bags is configured; set bags.folder'
        bag = next(filter(None, (_bag_in(folder, goal.bag) for folder in self._folders)), None)
        if bag is None:
            where = ' or '.join(map(str, self._folders))
            return f'there is no bag "{goal.bag}" in {where}'
        rates = [rate for rate in (goal.max_rate, self._max_rate) if rate > 0]
        order = UploadBag(upload_id, str(bag), min(rates, default=0.0))
        if self._send(order, goal.link):
            return f'no link {goal.link or "of this bridge"} takes bags; one with rest: does'
        return ''


def _bag_in(folder: Path, name: str) -> Path | None:
    """Return a bag's folder, None if there is none."""
    # The name may have come from the platform, which has no business elsewhere.
    bag = (folder / name).resolve()
    return bag if bag.parent == folder.resolve() and bag.is_dir() else None
