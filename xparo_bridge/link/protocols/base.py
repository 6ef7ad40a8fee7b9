# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What a protocol adapter is.

An adapter is pure: it turns frames into messages and messages into frames, and does no I/O. One
object serves one link for as long as the bridge runs; `on_open` is called at each connect, so a
protocol that keeps state of a conversation renews it there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
import base64
import binascii
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
import math
from typing import Any, ClassVar, NoReturn, Self, TypeAlias

from ...credentials import Credentials
from ...errors import BadInput
from ...json_reader import (
    json_type,
    JsonError,
    MAX_MENDED,
    read_json,
    read_leniently,
    TooManyValues,
    Unreadable,
)
from ...messages import LinkProblem, Outbound, Ping, Pong

Frame = str | bytes
# What is read of a text: a value and its faults, or why there is none.
_Outcome: TypeAlias = tuple[Any, list[str]] | JsonError
KeyReader = Callable[[dict[str, Any]], Sequence[Any]]
MAX_FRAME = 64 * 1024 * 1024  # Characters; the links' own max_frame_bytes is far below.
MAX_KEYS = 256  # Commands of one frame whose keys are commands.
MAX_SAID = 5  # Problems of one part of a frame that are said.


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A frame's way by REST instead of the socket; the text of the response is a frame again."""

    method: str
    url: str = field(repr=False)
    body: str = ''
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class ProtocolError(BadInput):
    """
    A frame or message that does not fit the protocol: what is wrong and what is right.

    `about` is the message, where it was sent on before it was found not to fit.
    """

    about: Any = None


class Protocol(ABC):
    """
    One wire protocol.

    `capabilities` are the message types `encode` can carry; another one is refused by name before
    anything is queued. The frames of those in `rest_only` go through `by_rest`.
    """

    name: ClassVar[str]
    capabilities: ClassVar[frozenset[type]]
    rest_only: ClassVar[frozenset[type]] = frozenset()
    rest_after: float | None = None  # s the socket may be down before all goes by REST
    # One of these words is in each frame that wants an answer, unless it is written with a
    # backslash: beyond the rate of frames, those without are not read.
    asking_words: ClassVar[Sequence[str]] = ()
    # Names of the commands that act whatever stands beside them; the link sets the robot's own.
    urgent: Collection[str] = ('stop', 'pause', 'cancel')
    sends_origin: ClassVar[bool] = False  # Whether the handshake names the URL's host as origin.
    # Which of `secret_key` and `project_id` it proves itself with; both make it the platform's.
    required_credentials: ClassVar[Sequence[str]] = ()

    @classmethod
    @abstractmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        """
        Adapter for a link: its entry of `links:` in the configuration, and its secrets.

        The entry has the robot's name as `robot_id`. What only this protocol knows stands in its
        `options`, see `read_options`; ProtocolError if it does not fit.
        """

    @abstractmethod
    def url(self) -> str:
        """Address to dial, secrets included: never to be printed, see `redacted_url`."""

    @abstractmethod
    def redacted_url(self) -> str:
        """Address as it may be shown."""

    def headers(self) -> dict[str, str]:
        """HTTP headers of the opening handshake."""
        return {}

    def on_open(self) -> Sequence[Frame]:
        """Frames to send first on a new connection."""
        return ()

    @abstractmethod
    def decode(self, frame: Frame) -> Sequence[Any]:
        """
        Messages of one frame, in order.

        Raises ProtocolError, and only that, for anything that does not fit.
        """

    @abstractmethod
    def encode(self, message: Outbound | Pong) -> Sequence[Frame]:
        """Frames that carry one message; ProtocolError for a type outside `capabilities`."""

    def answer(self, message: Any) -> Sequence[Frame]:
        """Frames due at once to an inbound message, before anybody else sees it: a ping's pong."""
        return self.encode(Pong()) if isinstance(message, Ping) else ()

    # What a protocol needs that keeps time, sessions or credentials; the others inherit nothing.

    def deadline(self) -> float | None:
        """Time of the adapter's clock at which `on_time` is due; None while nothing is."""
        return None

    def on_time(self) -> Sequence[Any]:
        """Messages due by now without a frame, to be handled like decoded ones, `answer` too."""
        return ()

    def on_close(self) -> Sequence[Any]:
        """Messages due because the connection was lost: the end of what was under way on it."""
        return ()

    def send_not_before(self) -> float:
        """Time of the adapter's clock before which the peer wants nothing but answers."""
        return -math.inf

    def refused(self, status: int) -> bool:
        """
        Take note that the opening handshake got this HTTP status.

        True: a kept credential is no longer good, forget it wherever it is stored and dial again
        at once. False: nothing but waiting helps.
        """
        return False

    def by_rest(self, frame: str = '') -> HttpRequest | None:
        """Request that carries a frame, or fetches what waits; None where there is no REST."""
        return None

    def _refuse(self, message: object) -> NoReturn:
        carried = ', '.join(sorted(kind.__name__ for kind in self.capabilities))
        raise ProtocolError(
            f'protocol {self.name} cannot carry {type(message).__name__}; it carries {carried}'
        )


def parse_object(frame: Frame) -> dict[str, Any]:
    """JSON object of a text frame, or ProtocolError."""
    body, faults = parse_frame(frame, 0)
    if faults:
        raise ProtocolError(f'not JSON: {faults[0]}')
    return body


def parse_leniently(
    frame: Frame, urgent: Collection[str] = Protocol.urgent
) -> tuple[dict[str, Any], list[str]]:
    """
    JSON object of a text frame as far as it can be read, and what could not be.

    For frames that may carry an order: a `stop` counts whatever stands beside it, also in a huge
    frame if one of the `urgent` words is there. ProtocolError for what is no object at all.
    """
    if isinstance(frame, ReadFrame):
        return frame.body(frame.most)
    return parse_frame(frame, _most_mended(frame, urgent))


def _most_mended(frame: Frame, urgent: Collection[str]) -> int:
    # To look into 4 MB takes up to 0.2 s, which only what may stop the robot is worth.
    if len(frame) > MAX_MENDED and isinstance(frame, str):
        if '\\u' in frame or any(word in frame for word in urgent):
            return MAX_FRAME
    return MAX_MENDED


def parse_frame(frame: Frame, most: int) -> tuple[dict[str, Any], list[str]]:
    """Object of a text frame; with too many values it has at most `most` characters."""
    if isinstance(frame, ReadFrame):
        return frame.body(most)
    if isinstance(frame, bytes):
        raise ProtocolError('expected a text frame, not a binary frame')
    return _object(_outcome(frame, most))


class ReadFrame(str):
    """A text frame whose JSON was read before it is decoded, by another thread than the link's."""

    most: int
    _outcomes: dict[int, _Outcome]

    def __new__(cls, frame: str, urgent: Collection[str]) -> Self:
        """Read all that `parse_leniently` and `parse_frame` may want of it."""
        self = super().__new__(cls, frame)
        self.most = _most_mended(frame, urgent)
        strict = _outcome(frame, 0)
        # Only of one with too many values it matters how much of it is read all the same.
        many = isinstance(strict, TooManyValues)
        self._outcomes = {0: strict, self.most: _outcome(frame, self.most) if many else strict}
        return self

    def body(self, most: int) -> tuple[dict[str, Any], list[str]]:
        """Return what `parse_frame` does."""
        read = self._outcomes.get(most)
        return _object(_outcome(self, most) if read is None else read)


def _outcome(frame: str, most: int) -> _Outcome:
    try:
        return read_leniently(frame, max_bytes=MAX_FRAME, max_mended=most)
    except JsonError as error:
        return error


def _object(outcome: _Outcome) -> tuple[dict[str, Any], list[str]]:
    if isinstance(outcome, JsonError):
        raise ProtocolError(str(outcome)) from outcome
    value, faults = outcome
    if isinstance(value, Unreadable):
        raise ProtocolError(f'not JSON: {value.problem}')
    if not isinstance(value, dict):
        raise ProtocolError(f'expected a JSON object, not {json_type(value)}')
    return value, faults


def parse_json(text: str) -> Any:
    """JSON value of a text that can be written as JSON again, or ProtocolError."""
    try:
        return read_json(text, max_bytes=MAX_FRAME)
    except JsonError as error:
        raise ProtocolError(str(error)) from error


def unknown_type(kind: str, known: Iterable[str]) -> ProtocolError:
    """Return the error of a message whose `type` this protocol does not have."""
    return ProtocolError(
        f'unknown message type "{kind[:80]}"; this protocol has {", ".join(known)}'
    )


def read_field(data: dict[str, Any], key: str, kind: type, where: str, default: Any = ...) -> Any:
    """Value of `key` checked to be of `kind`; without a default a missing one is an error."""
    value = data.get(key, ...)
    if value is ... or (value is None and default is not ...):
        if default is ...:
            raise ProtocolError(f'{where}: "{key[:80]}" is missing; expected {TYPE_NAMES[kind]}')
        return default
    if kind is float and type(value) is int:
        return float(value)
    if isinstance(value, Unreadable):
        raise ProtocolError(f'{where}: "{key[:80]}": {value.problem}')
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ProtocolError(
            f'{where}: "{key[:80]}" is {json_type(value)}, expected {TYPE_NAMES[kind]}'
        )
    return value


def read_list(
    data: dict[str, Any], key: str, kind: type, where: str, default: Any = ...
) -> list[Any]:
    """List at `key`, each item checked to be of `kind`."""
    items: list[Any] = read_field(data, key, list, where, default)
    if all(type(item) is kind for item in items):
        return items
    return [
        read_field({key: item}, key, kind, f'{where}, item {index}')
        for index, item in enumerate(items)
    ]


def read_map(
    data: dict[str, Any], key: str, kind: type, where: str, default: Any = ...
) -> dict[str, Any]:
    """Object at `key`, each value checked to be of `kind`."""
    items = read_field(data, key, dict, where, default)
    return {name: read_field(items, name, kind, f'{where}, "{key}"') for name in items}


def read_options(settings: Mapping[str, Any], **kinds: type) -> dict[str, Any]:
    """Entries of a link's `options`, each of the kind named; ProtocolError for any other."""
    given = settings.get('options', {})
    for key in given:
        if key not in kinds:
            raise ProtocolError(f'options: no such key "{key}"; known: {", ".join(kinds)}')
    return {key: read_field(given, key, kinds[key], 'options') for key in given}


def read_keys(
    body: dict[str, Any],
    readers: Mapping[str, KeyReader],
    faults: Sequence[str] = (),
    lenient: Sequence[str] = (),
) -> list[Any]:
    """
    Messages of an object whose keys are commands, in order.

    A key that cannot be read becomes a LinkProblem and the others count; if none can be read,
    ProtocolError. `faults` are those of `parse_leniently`; only the `lenient` keys are read in
    spite of one within their value.
    """
    messages: list[Any] = [LinkProblem(f'not JSON: {fault}') for fault in faults[:MAX_SAID]]
    if len(body) > MAX_KEYS:
        problem = f'{len(body)} keys in one frame, expected at most {MAX_KEYS}'
        messages.append(LinkProblem(problem))
        body = {key: body[key] for key in lenient if key in body}  # A stop may be among them.
    understood = False
    for key in body:
        reader = readers.get(key)
        try:
            if reader is None:
                raise ProtocolError(f'unknown key "{key[:80]}"')
            if faults and key not in lenient and not readable(body[key]):
                continue
            messages += reader(body)
            understood = True
        except ProtocolError as error:
            messages.append(LinkProblem(str(error)))
    if messages and not understood:
        raise ProtocolError('; '.join(message.problem for message in messages[:MAX_SAID]))
    return messages


def readable(value: Any) -> bool:
    """Whether all of a value could be read."""
    if isinstance(value, dict):
        return all(map(readable, value.values()))
    if isinstance(value, list):
        return all(map(readable, value))
    return not isinstance(value, Unreadable)


def read_base64(data: dict[str, Any], key: str, where: str) -> bytes:
    """Bytes of the base64 text at `key`."""
    try:
        return base64.b64decode(read_field(data, key, str, where), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProtocolError(f'{where}: "{key}" is not base64: {error}') from None


def protocol_names() -> list[str]:
    """Names of the installed protocols."""
    return sorted(point.name for point in entry_points(group='xparo_bridge.protocols'))


def load_protocol(name: str) -> type[Protocol]:
    """Adapter class of an installed protocol, found by entry point; KeyError names what exists."""
    for point in entry_points(group='xparo_bridge.protocols', name=name):
        cls: type[Protocol] = point.load()
        return cls
    raise KeyError(f'no protocol "{name}"; installed: {", ".join(protocol_names())}')


TYPE_NAMES: dict[type, str] = {
    str: 'a string',
    dict: 'an object',
    list: 'a list',
    float: 'a number',
    int: 'a whole number',
    bool: 'a boolean',
}
