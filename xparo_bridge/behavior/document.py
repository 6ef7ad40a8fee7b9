# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How is the text of a document read into elements, without trusting it.

The parser is expat behind defusedxml: no DTD, no entities of the document's own, nothing
external. Size, depth and number of elements are limited while reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
import io
import re
from typing import Any
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler, ErrorHandler
from xml.sax.xmlreader import InputSource

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

from .errors import BehaviorError, Problem


@dataclass(frozen=True)
class Limits:
    """
    How much a document may ask for; all of it counts together with what it includes.

    `size` is in characters, `depth` in elements within elements of one tree, `nodes` both in
    elements of the documents and in nodes of the tree made from them.
    """

    size: int = 1_000_000
    depth: int = 256
    nodes: int = 10_000
    includes: int = 50
    problems: int = 200


@dataclass
class Element:
    """An element with its attributes and children, and where it stands."""

    tag: str
    attributes: dict[str, str]
    line: int
    file: str = ''
    children: list[Element] = field(default_factory=list)

    def get(self, name: str, default: str = '') -> str:
        return self.attributes.get(name, default)

    def all(self, tag: str) -> Iterator[Element]:
        """The children with a tag."""
        return (child for child in self.children if child.tag == tag)

    def walk(self) -> Iterator[Element]:
        """The element and everything within it, in the order of the document."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(element.children))


class DocumentError(BehaviorError):
    """A text that is not a document; `problem` says why and where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def read_document(text: str, limits: Limits, file: str = '') -> tuple[Element, list[Problem]]:
    """
    Read a document; also returns warnings.

    :raises DocumentError: if it is not well-formed, or larger than the limits.
    """
    if len(text) > limits.size:
        raise DocumentError(
            Problem(f'the document has {len(text)} characters, more than {limits.size}', file=file)
        )
    stripped = text.lstrip('\ufeff \t\r\n')
    first_line = 1 + text.count('\n', 0, len(text) - len(stripped))
    try:
        return _parse(stripped, limits, file, first_line), []
    except DocumentError as error:
        repaired = escape_attributes(stripped)
        if repaired == stripped:
            raise
        try:
            root = _parse(repaired, limits, file, first_line)
        except DocumentError:
            raise error from None
        warning = Problem(
            "an attribute has a bare '&' or '<'; it was read as it stands",
            error.problem.line,
            hint="write '&amp;' and '&lt;'",
            file=file,
            is_warning=True,
        )
        return root, [warning]


def _parse(text: str, limits: Limits, file: str, first_line: int) -> Element:
    handler = _Handler(limits, file, first_line)
    parser = make_parser()
    parser.forbid_dtd = True
    parser.setContentHandler(handler)
    parser.setErrorHandler(ErrorHandler())
    source = InputSource()
    source.setEncoding('utf-8')  # Whatever the declaration says: the text is decoded already.
    try:
        source.setByteStream(io.BytesIO(text.encode()))
        parser.parse(source)
    except DefusedXmlException as error:
        raise DocumentError(
            Problem(
                'the document has a DTD or refers to an entity outside',
                handler.line(),
                hint='leave out <!DOCTYPE ...> and <!ENTITY ...>',
                file=file,
            )
        ) from error
    except UnicodeEncodeError as error:
        raise DocumentError(Problem('the document has half a character', file=file)) from error
    except SAXParseException as error:
        line = (error.getLineNumber() or 1) + first_line - 1
        raise DocumentError(
            Problem(f'not well-formed XML: {error.getMessage()}', line, file=file)
        ) from error
    except SAXException as error:
        raise DocumentError(Problem(f'not XML: {error.getMessage()}', file=file)) from error
    if handler.root is None:
        raise DocumentError(Problem('the document is empty', file=file))
    return handler.root


class _Handler(ContentHandler):
    """Builds the elements."""

    def __init__(self, limits: Limits, file: str, first_line: int) -> None:
        super().__init__()
        self.root: Element | None = None
        self._limits = limits
        self._file = file
        self._first_line = first_line
        self._open: list[Element] = []
        self._count = 0
        self._locator: Any = None

    def setDocumentLocator(self, locator: Any) -> None:  # noqa: N802
        self._locator = locator

    def line(self) -> int:
        number = self._locator.getLineNumber() if self._locator is not None else None
        return (number or 1) + self._first_line - 1

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        element = Element(name, dict(attrs), self.line(), self._file)
        self._count += 1
        # Two more than the nodes of a tree: <root> and <BehaviorTree> stand around them.
        if len(self._open) > self._limits.depth + 2:
            raise self._too_much(f'elements are nested more than {self._limits.depth} deep')
        if self._count > self._limits.nodes:
            raise self._too_much(f'the document has more than {self._limits.nodes} elements')
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def endElement(self, name: str) -> None:  # noqa: N802
        self._open.pop()

    def _too_much(self, message: str) -> DocumentError:
        return DocumentError(Problem(message, self.line(), file=self._file))


_ENTITY = re.compile(r'&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);)')
_IN_TAG = re.compile(r'["\'>]')


def escape_attributes(text: str) -> str:
    """
    Escape bare '&' and '<' within attributes, as scripts written by hand have them.

    BehaviorTree.CPP's parser accepts them, so documents with them are in use.
    """
    pieces: list[str] = []
    position = 0
    while (start := text.find('<', position)) >= 0:
        pieces.append(text[position:start])
        for opening, closing in (('<!--', '-->'), ('<![CDATA[', ']]>'), ('<?', '?>')):
            if text.startswith(opening, start):
                end = text.find(closing, start)
                position = len(text) if end < 0 else end + len(closing)
                pieces.append(text[start:position])
                break
        else:
            position = _escape_tag(text, start, pieces)
    pieces.append(text[position:])
    return ''.join(pieces)


def _escape_tag(text: str, start: int, pieces: list[str]) -> int:
    """Append one tag with its attributes escaped; return where it ends."""
    position = start
    while (mark := _IN_TAG.search(text, position)) is not None:
        pieces.append(text[position : mark.end()])
        position = mark.end()
        if mark.group() == '>':
            return position
        end = text.find(mark.group(), position)
        if end < 0:
            break
        pieces.append(_ENTITY.sub('&amp;', text[position:end]).replace('<', '&lt;'))
        pieces.append(mark.group())
        position = end + 1
    pieces.append(text[position:])
    return len(text)
