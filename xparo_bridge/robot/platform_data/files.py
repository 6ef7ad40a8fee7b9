# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keeps files of a platform on the robot, all below one folder: listed, sent up, down and deleted.

Nothing of them is run. Texts that the platform pushes are files there too, each below a folder of
its kind. A link has one transfer at a time; a new one, or its loss, ends it. Only links that may
command reach the files. Everything that waits for the disk happens in a thread of its own.
"""

from __future__ import annotations

import os
from pathlib import Path

from ... import messages as msg
from ..features import Feature, FeatureContext, Handlers
from .disk_worker import DiskWorker, Job
from .local_files import content, PUSHED, state
from .sandbox import Sandbox
from .sandbox_paths import SandboxError
from .upload import Upload

CHUNK = 64 * 1024  # bytes
# A download goes on while less than this waits for the link, bytes.
_WAITING = 4 * CHUNK
_TICK = 0.02  # s
_TOLD = 5  # refused files of a push that are named in the log; the others are counted
_NOT_ALLOWED = 'this link may not command, so it reaches no files'
_BUSY = 'the disk is behind; try again later'


class Files(Feature):
    """The folder and the transfers under way; handlers on the ROS thread, the rest beside it."""

    def __init__(self, context: FeatureContext) -> None:
        """Make the folder."""
        settings = context.configuration['files']
        folder = settings['folder']
        self._links = context.links
        self._roles = context.roles
        self._logger = context.node.get_logger()
        self._sandbox = Sandbox(
            Path(folder).expanduser() if folder else context.state.path / 'files',
            settings['max_file_bytes'],
            settings['max_total_bytes'],
            settings['max_entries'],
        )
        # Those of the worker; the ROS thread does not look at them.
        self._uploads: dict[str, Upload] = {}
        self._downloads: dict[str, _Download] = {}
        self._worker = DiskWorker(
            'files',
            lambda error: self._logger.error(f'files: {error!r}', throttle_duration_sec=10.0),
            self._send_pieces,
        )
        self.handlers = Handlers()
        self.handlers.on(msg.ListFiles, self._on_list)
        self.handlers.on(msg.DeleteFile, self._on_delete)
        self.handlers.on(msg.FileRequest, self._on_request)
        self.handlers.on(msg.FileChunk, self._on_chunk)
        self.handlers.on(msg.FileComplete, self._on_complete)
        self.handlers.on(msg.FilePush, self._on_push)
        self.handlers.on(msg.TreePush, self._on_trees)
        self.handlers.on(msg.AskLocalFiles, self._on_ask)
        self.handlers.on(msg.AskLocalEnvironment, self._on_ask_environment)

    def lost(self, link: str) -> None:
        self._worker.put(lambda: self._end_transfers(link))

    def _do(self, link: str, job: Job, refusal: type[msg.Message], size: int = 0) -> None:
        """Have a job done for a link; what may not be is answered with a `refusal`."""
        problem = _NOT_ALLOWED if not self._roles.may_command(link) else ''
        if not problem and not self._worker.put(job, size):
            problem = _BUSY
        if not problem:
            return
        self._logger.warning(f'{link}: files: {problem}', throttle_duration_sec=5.0)
        if refusal is msg.DeleteResult:
            self._links.send(msg.DeleteResult('', problem), link)
        elif refusal is msg.TransferError:
            self._links.send(msg.TransferError(problem), link)

    # --- ROS thread ---

    def _on_push(self, link: str, push: msg.FilePush) -> None:
        size = sum(map(len, push.files.values()))
        self._do(link, lambda: self._keep(link, push), msg.FilePush, size)

    def _on_trees(self, link: str, push: msg.TreePush) -> None:
        # As they came, for the platform to compare with; those that run are kept elsewhere.
        kept = {name: text for name, text in push.trees.items() if name != 'MainTree'}
        if kept:
            self._on_push(link, msg.FilePush('custom_aiml', kept))

    def _on_list(self, link: str, ask: msg.ListFiles) -> None:
        self._do(link, lambda: self._list(link), msg.TransferError)

    def _on_delete(self, link: str, delete: msg.DeleteFile) -> None:
        self._do(link, lambda: self._delete(link, delete), msg.DeleteResult)

    def _on_request(self, link: str, request: msg.FileRequest) -> None:
        self._do(link, lambda: self._begin(link, request), msg.TransferError)

    def _on_chunk(self, link: str, chunk: msg.FileChunk) -> None:
        self._do(link, lambda: self._add(link, chunk), msg.TransferError, len(chunk.data))

    def _on_complete(self, link: str, complete: msg.FileComplete) -> None:
        self._do(link, lambda: self._complete(link), msg.TransferError)

    def _on_ask(self, link: str, ask: msg.AskLocalFiles) -> None:
        self._do(link, lambda: self._send_local_files(link, ask), msg.AskLocalFiles)

    def _on_ask_environment(self, link: str, ask: msg.AskLocalEnvironment) -> None:
        self._do(link, lambda: self._send_environment(link), msg.AskLocalEnvironment)

    # --- the worker's thread ---

    def _keep(self, link: str, push: msg.FilePush) -> None:
        refused = 0
        for name, text in push.files.items():
            try:
                self._sandbox.write(f'{push.kind}/{name}', text.encode())
            except (SandboxError, UnicodeEncodeError) as error:
                refused += 1
                if refused <= _TOLD:
                    self._logger.warning(f'{link}: {push.kind} not kept: {error}')
        if refused > _TOLD:
            self._logger.warning(f'{link}: {push.kind}: {refused} files in all were not kept')

    def _list(self, link: str) -> None:
        try:
            # The folder's own path is the machine's business.
            self._links.send(msg.FileList(self._sandbox.tree(), 'files'), link)
        except SandboxError as error:
            self._links.send(msg.TransferError(str(error)), link)

    def _delete(self, link: str, delete: msg.DeleteFile) -> None:
        error = ''
        try:
            self._sandbox.delete(delete.path)
        except SandboxError as problem:
            error = str(problem)
        self._links.send(msg.DeleteResult(delete.path, error), link)

    def _end_transfers(self, link: str) -> None:
        upload = self._uploads.pop(link, None)
        if upload is not None:
            upload.drop()
        download = self._downloads.pop(link, None)
        if download is not None:
            download.close()

    def _begin(self, link: str, request: msg.FileRequest) -> None:
        self._end_transfers(link)
        try:
            if request.upload:
                self._uploads[link] = self._sandbox.begin(request.filename, request.size)
                answer = msg.FileRequest(request.filename, upload=True, ready=True)
            else:
                download = _Download(*self._sandbox.open_to_read(request.filename))
                self._downloads[link] = download
                answer = msg.FileRequest(request.filename, upload=False, size=download.size)
        except SandboxError as error:
            self._links.send(msg.TransferError(str(error)), link)
        else:
            self._links.send(answer, link)

    def _add(self, link: str, chunk: msg.FileChunk) -> None:
        upload = self._uploads.get(link)
        if upload is None:
            self._logger.warning(f'{link}: a piece of no file', throttle_duration_sec=10.0)
            return
        try:
            if chunk.problem:
                raise SandboxError(chunk.problem)
            upload.add(chunk.data)
        except SandboxError as error:
            self._end_transfers(link)
            self._links.send(msg.TransferError(str(error)), link)

    def _complete(self, link: str) -> None:
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
        # As the platform's own client does it: nothing was expected where no size was given.
        self._links.send(msg.FileComplete(upload.size or 0, upload.received, ok), link)

    def _send_local_files(self, link: str, ask: msg.AskLocalFiles) -> None:
        if ask.names is None:
            self._links.send(msg.LocalFileState(state(self._sandbox)), link)
            return
        for files in content(self._sandbox, ask.names):
            self._links.send(msg.LocalFileContent(files), link)

    def _send_environment(self, link: str) -> None:
        try:
            text = self._sandbox.read('local_env/local_env', PUSHED).decode(errors='replace')
        except SandboxError:
            text = ''
        self._links.send(msg.LocalEnvironment(text), link)

    def _send_pieces(self) -> float | None:
        """Send what the links take of their downloads; when to go on, s."""
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
        return _TICK if self._downloads else None


class _Download:
    def __init__(self, file: int, size: int) -> None:
        self.size = size
        self.sent = 0
        self._file = file

    def read(self) -> bytes:
        """Return the next piece; never more than the size that was reported."""
        try:
            data = os.read(self._file, min(CHUNK, self.size - self.sent))
        except OSError:
            data = b''
        self.sent += len(data)
        return data

    def close(self) -> None:
        os.close(self._file)
