# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Files that a platform keeps on the robot, all below one folder: listed, sent up, down and deleted.

Nothing of them is run. Texts that the platform pushes are files there too, each below a folder of
its kind. A link has one transfer at a time; a new one, or its loss, ends it.
"""

from __future__ import annotations

import os
from pathlib import Path

from ... import messages as msg
from ...ros.entities import timer
from ..features import Feature, FeatureContext
from .sandbox import Sandbox, SandboxError, Upload

CHUNK = 64 * 1024  # bytes
# A download goes on while less than this waits for the link, bytes.
_WAITING = 4 * CHUNK
_TICK = 0.02  # s


class Files(Feature):
    """The folder and the transfers under way; on the ROS thread."""

    def __init__(self, context: FeatureContext) -> None:
        """Make the folder."""
        settings = context.configuration['files']
        folder = settings['folder']
        self._links = context.links
        self._logger = context.node.get_logger()
        self._sandbox = Sandbox(
            Path(folder).expanduser() if folder else context.state.path / 'files',
            settings['max_file_bytes'],
            settings['max_total_bytes'],
        )
        self._uploads: dict[str, Upload] = {}
        self._downloads: dict[str, _Download] = {}
        self.handlers = {
            msg.ListFiles: self._on_list,
            msg.DeleteFile: self._on_delete,
            msg.FileRequest: self._on_request,
            msg.FileChunk: self._on_chunk,
            msg.FileComplete: self._on_complete,
            msg.FilePush: self._on_push,
        }
        self._timer = timer(context.node, _TICK, self._send_pieces)
        self._timer.cancel()

    def lost(self, link: str) -> None:
        upload = self._uploads.pop(link, None)
        if upload is not None:
            upload.drop()
        download = self._downloads.pop(link, None)
        if download is not None:
            download.close()

    def _on_push(self, link: str, push: msg.FilePush) -> None:
        for name, text in push.files.items():
            try:
                self._sandbox.write(f'{push.kind}/{name}', text.encode())
            except SandboxError as error:
                self._logger.warning(f'{link}: {push.kind} not kept: {error}')

    def _on_list(self, link: str, ask: msg.ListFiles) -> None:
        # The folder's own path is the machine's business.
        self._links.send(msg.FileList(self._sandbox.tree(), 'files'), link)

    def _on_delete(self, link: str, delete: msg.DeleteFile) -> None:
        error = ''
        try:
            self._sandbox.delete(delete.path)
        except SandboxError as problem:
            error = str(problem)
        self._links.send(msg.DeleteResult(delete.path, error), link)

    def _on_request(self, link: str, request: msg.FileRequest) -> None:
        self.lost(link)
        try:
            if request.upload:
                self._uploads[link] = self._sandbox.begin(request.filename, request.size)
                answer = msg.FileRequest(request.filename, upload=True, ready=True)
            else:
                download = _Download(*self._sandbox.open_to_read(request.filename))
                self._downloads[link] = download
                answer = msg.FileRequest(request.filename, upload=False, size=download.size)
                self._timer.reset()
        except SandboxError as error:
            self._links.send(msg.TransferError(str(error)), link)
        else:
            self._links.send(answer, link)

    def _on_chunk(self, link: str, chunk: msg.FileChunk) -> None:
        upload = self._uploads.get(link)
        if upload is None:
            self._logger.warning(f'{link}: a piece of no file', throttle_duration_sec=10.0)
            return
        try:
            upload.add(chunk.data)
        except SandboxError as error:
            self.lost(link)
            self._links.send(msg.TransferError(str(error)), link)

    def _on_complete(self, link: str, complete: msg.FileComplete) -> None:
        upload = self._uploads.pop(link, None)
        if upload is None:
            return
        ok = True
        try:
            upload.finish()
        except SandboxError as error:
            self._logger.warning(f'{link}: upload: {error}')
            ok = False
        finally:
            upload.drop()
        self._links.send(msg.FileComplete(upload.size, upload.received, ok), link)

    def _send_pieces(self) -> None:
        for link, download in list(self._downloads.items()):
            if self._links.waiting(link) > _WAITING:
                continue
            data = download.read()
            if data:
                self._links.send(msg.FileChunk(data), link)
                continue
            del self._downloads[link]
            download.close()
            self._links.send(
                msg.FileComplete(download.size, download.sent, download.sent == download.size),
                link,
            )
        if not self._downloads:
            self._timer.cancel()


class _Download:
    def __init__(self, file: int, size: int) -> None:
        self.size = size
        self.sent = 0
        self._file = file

    def read(self) -> bytes:
        """Next piece; never more than the size that was told."""
        try:
            data = os.read(self._file, min(CHUNK, self.size - self.sent))
        except OSError:
            data = b''
        self.sent += len(data)
        return data

    def close(self) -> None:
        os.close(self._file)
