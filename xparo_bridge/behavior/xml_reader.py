# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads the text of a document into elements, as tinyxml2 does for BehaviorTree.CPP.

That parser takes more than XML allows, and trees in use depend on it: dashes within comments, bare
'&' and '<' within attributes, further elements after the root. It keeps line breaks and tabs of
attributes, and makes a line feed of each form of line break. Beyond it, documents with a DTD are
refused, so that an entity is one of XML's five or the number of a character, and so are control
characters. Every character is looked at a bounded number of times.
"""

from __future__ import annotations

import re

from .document import DocumentError, Element, Limits
from .errors import Problem
from .values import clip
from .work import Work

_SPACE = r'[ \t\r\n]*'
_NAME = r'[A-Za-z_:\u0080-\U0010ffff][A-Za-z0-9_:.\-\u0080-\U0010ffff]*'
_OPENING = re.compile(rf'{_SPACE}({_NAME})')
_CLOSING = re.compile(rf'{_SPACE}/{_SPACE}({_NAME}){_SPACE}>')
_ATTRIBUTE = re.compile(rf'{_SPACE}({_NAME}){_SPACE}={_SPACE}(?:"([^"]*)"|\'([^\']*)\')')
_TAG_END = re.compile(rf'{_SPACE}(/?)>')
_CONTROL = re.compile('[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]')
_NEWLINE = re.compile('\r\n|\n\r|\r')
# The longest reference that stands for a character is '&#x0010ffff;'.
_REFERENCE = re.compile(r'&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,8})|#x([0-9A-Fa-f]{1,8}));')
_ENTITIES = {'amp': '&', 'lt': '<', 'gt': '>', 'quot': '"', 'apos': "'"}
# What is passed over, by how it begins and ends.
_SKIPPED = (('!--', '-->'), ('![CDATA[', ']]>'), ('?', '?>'))


def read_document(
    text: str, limits: Limits, file: str = '', work: Work | None = None
) -> tuple[Element, list[Problem]]:
    """
    Read a document; also returns warnings.

    :raises DocumentError: if it is not well-formed, or larger than the limits.
    :raises WorkStopped: if `work` is.
    """
    if len(text) > limits.size:
        raise DocumentError(
            Problem(f'the document has {len(text)} characters, more than {limits.size}', file=file)
        )
    control = _CONTROL.search(text)
    if control is not None:
        line = 1 + text.count('\n', 0, control.start())
        raise DocumentError(
            Problem(f'the character U+{ord(control.group()):04X} is not text', line, file=file)
        )
    reader = _Reader(text, limits, file, work or Work())
    return reader.read(), reader.warnings


def first_tag(text: str) -> str:
    """The name of the first element of a document; '' if nothing begins as one."""
    position = 0
    while (start := text.find('<', position)) >= 0:
        for opening, closing in _SKIPPED:
            if text.startswith(opening, start + 1):
                end = text.find(closing, start + 1 + len(opening))
                if end < 0:
                    return ''
                position = end + len(closing)
                break
        else:
            match = _OPENING.match(text, start + 1)
            return match.group(1) if match is not None else ''
    return ''


class _Reader:
    def __init__(self, text: str, limits: Limits, file: str, work: Work) -> None:
        self._text = text
        self._limits = limits
        self._file = file
        self._work = work
        self._line = 1
        self._counted = 0  # The lines up to this position are counted in `_line`.
        self._open: list[Element] = []
        self._roots: list[Element] = []
        self._count = 0
        self._bare = False
        self.warnings: list[Problem] = []

    def read(self) -> Element:
        text, position = self._text, 0
        while (start := text.find('<', position)) >= 0:
            self._work.step()
            self._count_lines(start)
            position = self._read_markup(start)
        self._count_lines(len(text))
        if self._open:
            element = self._open[-1]
            raise self._error(
                f'not well-formed XML: <{clip(element.tag)}> of line {element.line} is not closed'
            )
        if not self._roots:
            raise self._error('the document is empty' if not text.strip() else 'not XML')
        if text[position:].strip('\ufeff \t\r\n'):
            raise self._error('not well-formed XML: text follows the last element')
        for extra in self._roots[1:2]:
            self._warn(
                f'<{clip(extra.tag)}> follows the first element, and is not read',
                extra.line,
                'a document has one element that holds all others',
            )
        return self._roots[0]

    def _read_markup(self, start: int) -> int:
        """Read what a '<' begins; return where it ends."""
        text = self._text
        for opening, closing in _SKIPPED:
            if text.startswith(opening, start + 1):
                end = text.find(closing, start + 1 + len(opening))
                if end < 0:
                    raise self._error(f'not well-formed XML: no {closing} ends the <{opening}')
                return end + len(closing)
        if text.startswith('!', start + 1):
            raise self._error(
                'the document has a DTD', 'leave out <!DOCTYPE ...> and <!ENTITY ...>'
            )
        match = _CLOSING.match(text, start + 1)
        if match is not None:
            self._close(match.group(1))
            return match.end()
        match = _OPENING.match(text, start + 1)
        if match is None:
            raise self._error(
                f'not well-formed XML: {clip(text[start : start + 100], 20)!r} begins no element'
            )
        return self._read_element(match.group(1), match.end())

    def _read_element(self, tag: str, position: int) -> int:
        element = Element(tag, {}, self._line, self._file)
        self._count += 1
        # Two more than the nodes of a tree: <root> and <BehaviorTree> stand around them.
        if len(self._open) > self._limits.depth + 2:
            raise self._error(f'elements are nested more than {self._limits.depth} deep')
        if self._count > self._limits.nodes:
            raise self._error(f'the document has more than {self._limits.nodes} elements')
        attributes = element.attributes
        while (match := _ATTRIBUTE.match(self._text, position)) is not None:
            self._work.step()
            position = match.end()
            name, double, single = match.groups()
            if name in attributes:
                self._count_lines(position)
                raise self._error(
                    f'not well-formed XML: <{clip(tag)}> has the attribute [{clip(name)}] twice'
                )
            if len(attributes) >= self._limits.attributes:
                raise self._error(
                    f'<{clip(tag)}> has more than {self._limits.attributes} attributes'
                )
            attributes[name] = self._value(double if double is not None else single)
        match = _TAG_END.match(self._text, position)
        if match is None:
            self._count_lines(position)
            found = self._text[position : position + 100].lstrip()
            raise self._error(
                f'not well-formed XML: {clip(found, 20)!r} is no attribute of <{clip(tag)}>'
                if found
                else f'not well-formed XML: the tag <{clip(tag)} has no end',
                'an attribute is name="value", with quotes',
            )
        (self._open[-1].children if self._open else self._roots).append(element)
        if not match.group(1):
            self._open.append(element)
        return match.end()

    def _close(self, tag: str) -> None:
        if not self._open:
            raise self._error(f'not well-formed XML: </{clip(tag)}> closes nothing')
        element = self._open.pop()
        if element.tag != tag:
            raise self._error(
                f'not well-formed XML: </{clip(tag)}> stands where <{clip(element.tag)}> of line '
                f'{element.line} must be closed'
            )

    def _value(self, text: str) -> str:
        if '\r' in text:
            text = _NEWLINE.sub('\n', text)
        if '<' in text and not self._bare:
            self._warn_bare()
        if '&' not in text:
            return text
        if not self._bare and len(_REFERENCE.findall(text)) < text.count('&'):
            self._warn_bare()
        return _REFERENCE.sub(_character, text)

    def _warn_bare(self) -> None:
        self._bare = True
        self._warn(
            "an attribute has a bare '&' or '<'; it was read as it stands",
            self._line,
            "write '&amp;' and '&lt;'",
        )

    def _count_lines(self, position: int) -> None:
        # '\r\n' is one line; a '\r' alone, of old Macs, is not counted, as in no editor.
        self._line += self._text.count('\n', self._counted, position)
        self._counted = position

    def _warn(self, message: str, line: int, hint: str) -> None:
        self.warnings.append(Problem(message, line, hint=hint, file=self._file, is_warning=True))

    def _error(self, message: str, hint: str = '') -> DocumentError:
        return DocumentError(Problem(message, self._line, hint=hint, file=self._file))


def _character(match: re.Match[str]) -> str:
    name, decimal, hexadecimal = match.groups()
    if name:
        return _ENTITIES[name]
    number = int(decimal) if decimal else int(hexadecimal, 16)
    is_text = number in (9, 10, 13) or 32 <= number < 0xD800 or 0xE000 <= number <= 0x10FFFF
    return chr(number) if is_text else match.group()
