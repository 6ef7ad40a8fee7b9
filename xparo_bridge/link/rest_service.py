# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What a link does by the platform's REST API beside its socket: registers the robot, and sends log
sessions and rosbags.

Nothing is sent before the platform gave a token, which it does over the socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
import time
from typing import Any

from ..messages import (
    CancelUpload,
    LinkProblem,
    LogUpdate,
    RobotInfo,
    UploadBag,
    UploadEnded,
    UploadProgress,
)
from ..state import Queue
from .backoff import Backoff
from .bag_upload import Progress, upload_rosbag
from .log_upload import LogUploader
from .rest import RestClient, RestError, TokenRefused

# How often the robot side hears how far an upload is, s.
_PROGRESS_PERIOD = 0.5


class RestService:
    """REST beside one link; lives in the link thread."""

    carries: frozenset[type] = frozenset({LogUpdate, UploadBag, CancelUpload})

    def __init__(
        self, client: RestClient, spool: Queue, robot: RobotInfo, deliver: Callable[[Any], None]
    ) -> None:
        """Take where log lines wait, who the robot is, and the way to the robot side."""
        self._client = client
        self._robot = robot
        self._deliver = deliver
        self._logs = LogUploader(client, spool, on_problem=self._report)
        self._uploads: dict[str, asyncio.Task[None]] = {}
        # One after another: two would share the way to the platform and both be late.
        self._uploading = asyncio.Lock()
        self._stopping = asyncio.Event()
        self.set_token = client.set_token

    def put(self, message: Any) -> None:
        """Take one of the messages it carries."""
        if isinstance(message, LogUpdate):
            self._logs.put(message)
        elif isinstance(message, UploadBag):
            self._begin_upload(message)
        elif message.upload_id in self._uploads:
            self._uploads[message.upload_id].cancel()

    def stop(self) -> None:
        """Send what log lines still wait, and end `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop`."""
        tasks = [
            asyncio.ensure_future(self._guarded(work))
            for work in (self._logs.run(), self._register())
        ]
        try:
            await self._stopping.wait()
        finally:
            tasks += self._uploads.values()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._client.close()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # A fault here must not take the link with it.
            self._report(f'REST is given up: {error!r}')

    async def _register(self) -> None:
        backoff = Backoff(initial=1.0, maximum=300.0, stable_after=0.0, refused=300.0)
        while True:
            await self._client.next_token()
            try:
                await self._client.register_robot(self._robot.values)
                return
            except TokenRefused as error:
                self._report(str(error))
            except RestError as error:
                self._report(str(error))
                if not error.passing:
                    return
                await asyncio.sleep(max(backoff.wait(), error.retry_after))

    def _begin_upload(self, order: UploadBag) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            del self._uploads[order.upload_id]
            error = 'cancelled' if task.cancelled() else str(task.exception() or '')
            self._deliver(UploadEnded(order.upload_id, error))

        task = self._uploads[order.upload_id] = asyncio.ensure_future(self._upload(order))
        task.add_done_callback(ended)

    async def _upload(self, order: UploadBag) -> None:
        loop = asyncio.get_running_loop()
        next_report = 0.0

        def progress(now: Progress) -> None:  # In another thread.
            nonlocal next_report
            if time.monotonic() >= next_report:
                next_report = time.monotonic() + _PROGRESS_PERIOD
                loop.call_soon_threadsafe(
                    self._deliver,
                    UploadProgress(order.upload_id, now.file, now.sent, now.total),
                )

        async with self._uploading:
            await upload_rosbag(
                self._client,
                Path(order.folder),
                self._robot.values['robot_id'],
                rate=order.max_rate,
                on_progress=progress,
            )

    def _report(self, problem: str) -> None:
        self._deliver(LinkProblem(problem))
