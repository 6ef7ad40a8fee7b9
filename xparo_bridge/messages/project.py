# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of what a platform keeps for its robots: content, schedules, files, tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .core import Json, Message

# --- platform → robot ---


@dataclass(frozen=True, slots=True)
class ProjectState(Message):
    """The project as the platform has it; AIML, maps and the others are text as it comes."""

    title: str = ''
    description: str = ''
    goal: str = ''
    rules: str = ''
    aiml: str = ''
    maps: str = ''
    sets: str = ''
    properties: str = ''
    system: str = ''
    api_key: str = field(default='', repr=False)


@dataclass(frozen=True, slots=True)
class ConfigChange(Message):
    """Settings the platform changed; what they may touch is the robot's configuration's choice."""

    values: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Schedule(Message):
    """All commands the platform wants run at a time, by command: {date, time} and what else."""

    entries: Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class TreePush(Message):
    """Behaviour trees to keep by name; to run one is another message's business."""

    trees: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FilePush(Message):
    """Text files to keep below the folder `kind`, by name."""

    kind: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RefusedPush(Message):
    """The platform pushed something that would be executed; it was refused, for this reason."""

    kind: str
    names: Sequence[str]
    reason: str


@dataclass(frozen=True, slots=True)
class LinkCredential(Message):
    """
    The robot's own credential, to be kept and used instead of the project's secret.

    Empty: the one that is kept is no longer good, forget it.
    """

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RobotInfoRequest(Message):
    """The platform wants to know the robot again."""


@dataclass(frozen=True, slots=True)
class Teleop(Message):
    """A joystick's state: axes -1 to 1, buttons pressed or not."""

    axes: Sequence[float]
    buttons: Sequence[int]


@dataclass(frozen=True, slots=True)
class RunTask(Message):
    """
    Run a tree as a task; `stage` is how far the task is proven (development … production).

    `task_id` is whatever the platform calls it, and comes back as it came.
    """

    task_id: Json
    tree_xml: str
    blackboard: Mapping[str, Json] = field(default_factory=dict)
    save_history: bool = False
    stage: str = 'development'


@dataclass(frozen=True, slots=True)
class ListFiles(Message):
    """Report which files there are."""


@dataclass(frozen=True, slots=True)
class AskLocalFiles(Message):
    """
    Report which files of the platform's kinds are kept, or with `names` what is in them.

    `names` are by kind: custom_aiml (trees) and custom_maps.
    """

    names: Mapping[str, Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class AskLocalEnvironment(Message):
    """Report the text that was pushed as `local_env`."""


@dataclass(frozen=True, slots=True)
class DeleteFile(Message):
    """Delete a file of the sandboxed folder; the path is untrusted."""

    path: str


# --- both ways ---


@dataclass(frozen=True, slots=True)
class FileRequest(Message):
    """
    A file is to go up to the robot or down from it; the name is untrusted.

    `size` is that of the upload in bytes, None where the platform does not say. From the robot:
    `ready` for the upload, or the `size` of the download that follows.
    """

    filename: str
    upload: bool
    size: int | None = 0
    ready: bool = False


@dataclass(frozen=True, slots=True)
class FileChunk(Message):
    """The next piece of the file under way; with `problem` it could not be read."""

    data: bytes = field(repr=False)
    problem: str = ''


@dataclass(frozen=True, slots=True)
class FileComplete(Message):
    """The file is over: bytes due and bytes that came."""

    expected: int = 0
    received: int = 0
    ok: bool = True


@dataclass(frozen=True, slots=True)
class UploadProgress(Message):
    """How far an upload is, in bytes of all its files."""

    upload_id: str
    file: str
    sent: int
    total: int


@dataclass(frozen=True, slots=True)
class UploadEnded(Message):
    """An upload is over; with an error not all of it arrived."""

    upload_id: str
    error: str = ''


# --- robot → platform ---


@dataclass(frozen=True, slots=True)
class UploadBag(Message):
    """Upload a finished rosbag, a folder, at most `max_rate` bytes a second (0: unlimited)."""

    upload_id: str
    folder: str
    max_rate: float = 0.0


@dataclass(frozen=True, slots=True)
class CancelUpload(Message):
    """Stop an upload; files that arrived stay there."""

    upload_id: str


@dataclass(frozen=True, slots=True)
class AskSchedule(Message):
    """Send the schedule."""


@dataclass(frozen=True, slots=True)
class SaveSchedule(Message):
    """Keep this schedule for the robot."""

    entries: Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class DeleteSchedule(Message):
    """Forget the robot's schedule."""


@dataclass(frozen=True, slots=True)
class SyncConfig(Message):
    """Send the settings."""


@dataclass(frozen=True, slots=True)
class SaveAiml(Message):
    """Keep this AIML for the project."""

    aiml: str


@dataclass(frozen=True, slots=True)
class FileList(Message):
    """The files of the sandboxed folder: {type, name, path, size or children} each."""

    tree: Sequence[Mapping[str, Json]]
    base_dir: str


@dataclass(frozen=True, slots=True)
class DeleteResult(Message):
    """Whether a file was deleted, and why not."""

    path: str
    error: str = ''


@dataclass(frozen=True, slots=True)
class TransferError(Message):
    """A file transfer failed, and why."""

    error: str


@dataclass(frozen=True, slots=True)
class TeleopResult(Message):
    """Whether the joystick reached the robot."""

    success: bool


@dataclass(frozen=True, slots=True)
class TaskResult(Message):
    """How a task ended; `duration` in s, `stage_mismatch` if this robot may not run its stage."""

    task_id: Json
    success: bool
    duration: float
    error: str = ''
    stage_mismatch: bool = False


@dataclass(frozen=True, slots=True)
class TaskHistory(Message):
    """What a task got and gave, for the platform's history."""

    input: Mapping[str, Json]
    output: Mapping[str, Json]
    kind: str
    created_at: str


@dataclass(frozen=True, slots=True)
class AskLogSession(Message):
    """Begin a logging session; a LogSession names it."""

    created_at: str
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LocalFileState(Message):
    """SHA-256 of each kept file, see `text_hash`, by kind and name."""

    hashes: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class LocalFileContent(Message):
    """Kept files, by kind and name; those that are not there, or too large, are left out."""

    files: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class LocalEnvironment(Message):
    """The text that was pushed as `local_env`."""

    text: str


@dataclass(frozen=True, slots=True)
class LogUpdate(Message):
    """Log lines and metrics for a logging session; without a session one is asked for."""

    session_id: str = ''
    logs: Sequence[str] = ()
    resources: Mapping[str, Json] = field(default_factory=dict)
    extra: Mapping[str, Json] = field(default_factory=dict)
    created_at: str = ''
