"""Log files on disk: which of those below a path are logs, and their lines or records one by one."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import re
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import IO

import attrs
import orjson

from samdrift_logs.errors import InputRefused

MAX_LINE_BYTES = 4_000_000
MAX_DOCUMENT_BYTES = 256_000_000
_EVENT_LOG_MAGIC = b"ElfFile\0"
_GZIP_MAGIC = b"\x1f\x8b"
_HEAD_BYTES = 4096
_Stream = BufferedReader | gzip.GzipFile
# What is read when a folder is given; a file that is named itself is always read. `messages`, `auth.log.1`: also logs.
_LOG_NAME = re.compile(
    r".*\.(evtx|json|jsonl|ndjson|log|txt|csv|syslog)(\.\d+|-\d{8})?(\.gz)?|[^.]+(\.\d+|-\d{8})?(\.gz)?", re.IGNORECASE
)
_NOT_LOGS = re.compile(r"readme.*|licen[cs]e.*|copying.*|gpl|makefile|dockerfile", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class LogFile:
    """A file to read. `source_type` names the normaliser, "auto" where each line tells."""

    path: Path
    name: str
    size_bytes: int
    modified_at: dt.datetime
    source_type: str
    compressed: bool

    @property
    def is_event_log(self) -> bool:
        """Tell whether this is a Windows event log, whose records have numbers."""
        return self.source_type == "evtx"


@attrs.frozen(kw_only=True)
class Line:
    """One line, or one record as JSON. `place` is its number in the file; `bytes_read` how far the file is read."""

    content: bytes
    place: int
    bytes_read: int


@attrs.frozen(kw_only=True)
class Unreadable:
    """A part of the file that could not be read, and why."""

    place: int | None
    reason: str


def find_log_files(paths: Sequence[Path]) -> tuple[list[LogFile], list[str]]:
    """Return the log files below `paths`, each once, sorted, and the names of files in folders that are no logs.

    Raises InputRefused where a path does not exist or cannot be read.
    """
    files: dict[Path, LogFile] = {}
    skipped: list[str] = []
    for path in paths:
        for found, named in _files_below(path):
            log = _log_file(found, named=named)
            if log is None:
                skipped.append(str(found))
            else:
                files.setdefault(found.resolve(), log)
    return list(files.values()), skipped


def _files_below(path: Path) -> Iterator[tuple[Path, bool]]:
    if not path.exists():
        raise InputRefused("no such file or folder: check the path", file=str(path))
    if not path.is_dir():
        yield path, True
        return

    def refuse(problem: OSError) -> None:
        raise InputRefused(f"the folder cannot be listed: {problem.strerror}", file=str(problem.filename))

    for folder, folders, names in os.walk(path, onerror=refuse):
        folders.sort()
        folders[:] = [each for each in folders if not each.startswith(".")]
        yield from ((Path(folder, name), False) for name in sorted(names) if not name.startswith("."))


def _log_file(path: Path, *, named: bool) -> LogFile | None:
    if not named and (not _LOG_NAME.fullmatch(path.name) or _NOT_LOGS.fullmatch(path.name)):
        return None
    try:
        status = path.stat()
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as problem:
        raise InputRefused(f"cannot be read: {problem.strerror}", file=str(path)) from problem
    compressed = head.startswith(_GZIP_MAGIC)
    event_log = head.startswith(_EVENT_LOG_MAGIC) or path.suffix.lower() == ".evtx"
    if not named and not event_log and not compressed and b"\0" in head and not _is_utf16(head):
        return None
    return LogFile(
        path=path,
        name=str(path),
        size_bytes=status.st_size,
        modified_at=dt.datetime.fromtimestamp(status.st_mtime, tz=dt.UTC),
        source_type="evtx" if event_log else "auto",
        compressed=compressed,
    )


def read_log_file(file: LogFile) -> Iterator[Line | Unreadable]:
    """Return the file's lines or records in order. Raises InputRefused or OSError where it cannot be read at all."""
    if file.is_event_log:
        yield from _records(file)
        return
    with file.path.open("rb") as raw:
        stream: _Stream = gzip.GzipFile(fileobj=raw) if file.compressed else raw
        head = _peek(stream)
        if _is_utf16(head):
            yield from _recoded_lines(stream)
        elif (document := _whole_document(head, stream, file)) is not None:
            yield from document
        else:
            yield from _lines(stream, raw)


def _records(file: LogFile) -> Iterator[Line | Unreadable]:
    from samdrift_logs.normalise.evtx.files import EvtxRecord, read_evtx

    read = 0
    for item in read_evtx(file.path):
        if isinstance(item, EvtxRecord):
            read += len(item.line)  # about as long as in the file, which does not say where a record ends
            yield Line(content=item.line, place=item.number, bytes_read=min(read, file.size_bytes))
        else:
            yield Unreadable(place=item.number, reason=item.reason)


def _peek(stream: _Stream) -> bytes:
    try:
        return stream.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    except (EOFError, gzip.BadGzipFile) as problem:
        raise InputRefused(f"damaged gzip file: {problem}") from problem


def _lines(stream: _Stream, raw: IO[bytes]) -> Iterator[Line | Unreadable]:
    place = 0
    try:
        while line := stream.readline(MAX_LINE_BYTES):
            place += 1
            if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield Unreadable(place=place, reason=f"line too long: more than {MAX_LINE_BYTES} bytes")
                continue
            content = line.rstrip(b"\r\n")
            if content:
                yield Line(content=content, place=place, bytes_read=raw.tell())
    except (EOFError, gzip.BadGzipFile, OSError) as problem:
        yield Unreadable(place=place + 1, reason=f"damaged: the rest of the file cannot be read: {problem}")


def _whole_document(head: bytes, stream: _Stream, file: LogFile) -> Iterator[Line | Unreadable] | None:
    """Return the objects of a file that is one JSON array or one object over several lines; None for other files."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    first_line = start.split(b"\n", 1)[0].strip()
    if not start.startswith(b"[") and first_line != b"{":
        return None
    if start.startswith(b"[") and first_line not in {b"[", b"[{"} and not start[1:].lstrip().startswith((b"{", b"]")):
        return None
    if file.size_bytes > MAX_DOCUMENT_BYTES:
        raise InputRefused(f"a JSON document of more than {MAX_DOCUMENT_BYTES} bytes: write one object a line")
    return _document(stream)


def _document(stream: _Stream) -> Iterator[Line | Unreadable]:
    """Yield the objects of an array, of one document, or of several one after the other as jq prints them."""
    content = stream.read(MAX_DOCUMENT_BYTES).removeprefix(b"\xef\xbb\xbf")
    place = 0
    try:
        for document in _documents(content):
            for item in document if isinstance(document, list) else [document]:
                place += 1
                yield Line(content=json.dumps(item).encode(), place=place, bytes_read=len(content))
    except ValueError as problem:  # both decoders' errors, and bytes that are no UTF-8
        line = getattr(problem, "lineno", None)
        yield Unreadable(place=line, reason=f"not JSON: {getattr(problem, 'msg', problem)}")


def _documents(content: bytes) -> Iterator[object]:
    try:
        yield orjson.loads(content)
        return
    except orjson.JSONDecodeError:
        text = content.decode()
    decoder, position = json.JSONDecoder(), 0
    while (start := _DOCUMENT_START.search(text, position)) is not None:
        document, position = decoder.raw_decode(text, start.start())
        yield document


_DOCUMENT_START = re.compile(r"[^\s,]")


def _is_utf16(head: bytes) -> bool:
    return head.startswith((b"\xff\xfe", b"\xfe\xff"))


def _recoded_lines(stream: _Stream) -> Iterator[Line | Unreadable]:
    content = stream.read(MAX_DOCUMENT_BYTES)
    text = content.decode("utf-16", errors="replace")
    for place, line in enumerate(text.splitlines(), start=1):
        if line:
            yield Line(content=line.encode(errors="replace"), place=place, bytes_read=len(content))
    if len(content) == MAX_DOCUMENT_BYTES:
        yield Unreadable(place=None, reason=f"UTF-16 file too long: only {MAX_DOCUMENT_BYTES} bytes were read")
