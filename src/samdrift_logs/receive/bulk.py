"""Read an Elasticsearch bulk body and write the reply that its many clients understand.

The body is pairs of lines: an action and its document. `index` and `create` are taken, `update` and `delete` refused
item by item. The document's bytes are kept as they came; one that is no JSON object is refused, its bytes kept as a
reject.

References: Elasticsearch reference, "Bulk index or delete documents"; Fluent Bit `out_es` and Vector look for literal
text in the reply, so that it is compact, `errors` stands before `items`, and each item has exactly one key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

import attrs
import orjson

from samdrift_logs.journal import Receipt
from samdrift_logs.receive.duplicates import delivery_key

MAX_ID_BYTES = 512
_TAKEN = ("create", "index")
_REFUSED = ("update", "delete")


@attrs.define
class Item:
    """One item of a request: what was asked, and what became of it."""

    action: str
    index: str
    id: str | None
    document: bytes = b""
    key: bytes | None = None
    refused: str | None = None  # the reason of a refusal
    duplicate: bool = False
    row: int = -1  # its row in the stored batch


@attrs.frozen
class ActionLine:
    """The action line of an item, read."""

    action: str
    index: str | None
    id: str | None
    refused: str | None = None
    readable: bool = True


def parse(body: bytes, *, source: UUID, index: str) -> list[Item]:
    """Read a bulk body. A last line without LF and CRs are accepted. `index` is the one in the path, or empty.

    Nothing raises: what cannot be taken is an item with `refused`, and the good ones are stored. After an action line
    that cannot be read, the next line is its document unless it reads as an action itself, so that items stay in step
    with what the client sent.
    """
    lines = [line for line in body.replace(b"\r\n", b"\n").split(b"\n") if line]
    items: list[Item] = []
    known: dict[bytes, ActionLine] = {}
    at = 0
    while at < len(lines):
        line = lines[at]
        action = known.get(line) or _read_action(line)
        if action.id is None:
            known[line] = action
        item = Item(action.action, action.index or index, action.id, document=line, refused=action.refused)
        items.append(item)
        at += 1
        if action.action == "delete":
            continue
        if at == len(lines):
            item.refused = item.refused or "the action has no document after it"
        elif not action.readable and _read_action(lines[at]).readable:
            continue
        else:
            item.document = lines[at] if action.readable else line + b"\n" + lines[at]
            at += 1
            if item.refused is None:
                _check_document(item, source)
    return items


def reply(items: Sequence[Item], receipt: Receipt | None, *, took_ms: int, terse: bool) -> bytes:
    """Write the reply. `terse` leaves out all but status and error, as `filter_path` of Beats asks for.

    Documents without an `_id` get the id that their event will have in the lake.
    """
    parts = []
    errors = False
    for item in items:
        errors = errors or item.refused is not None or item.duplicate
        parts.append(_terse_item(item) if terse else _whole_item(item, receipt))
    head = b'{"errors":' if terse else b'{"took":%d,"errors":' % took_ms
    return b'%s%s,"items":[%s]}' % (head, b"true" if errors else b"false", b",".join(parts))


def _read_action(line: bytes) -> ActionLine:
    try:
        action = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return ActionLine("create", None, None, f"malformed action line: {error.msg}", readable=False)
    # winston-elasticsearch puts other keys beside the operation: the first that is one counts
    name = next((key for key in action if key in _TAKEN + _REFUSED), None) if isinstance(action, dict) else None
    if name is None:
        return ActionLine(
            "create", None, None, "malformed action line: no create, index, update or delete", readable=False
        )
    details = action[name] if isinstance(action[name], dict) else {}
    index, identity = details.get("_index"), details.get("_id")
    index = index if isinstance(index, str) else None
    identity = str(identity) if isinstance(identity, str | int) and not isinstance(identity, bool) else None
    refused = None
    if name in _REFUSED:
        refused = f"{name} is not done here: what was logged stays as it was; use create"
    elif identity is not None and len(identity.encode("utf-8", "replace")) > MAX_ID_BYTES:
        refused = f"_id is longer than {MAX_ID_BYTES} bytes"
    return ActionLine(name, index, identity, refused)


def _check_document(item: Item, source: UUID) -> None:
    try:
        document = orjson.loads(item.document)
    except orjson.JSONDecodeError as error:
        item.refused = f"malformed JSON: {error.msg}"
        return
    if not isinstance(document, dict):
        item.refused = "the document is not a JSON object"
    elif item.id is not None:
        item.key = delivery_key(source, item.id)


def _status(item: Item) -> int:
    if item.refused is not None:
        return 400
    return 409 if item.duplicate else 201


def _terse_item(item: Item) -> bytes:
    return b'{"%s":{"status":%d%s}}' % (item.action.encode(), _status(item), _error(item))


def _whole_item(item: Item, receipt: Receipt | None) -> bytes:
    identity = item.id
    if identity is None and receipt is not None and item.row >= 0:
        identity = f"{receipt.partition}-{receipt.sequence}-{item.row}"
    front = b'{"%s":{"_index":%s,"_id":%s' % (item.action.encode(), _text(item.index), _text(identity))
    status = _status(item)
    if status != 201:
        return b'%s,"status":%d%s}}' % (front, status, _error(item))
    return front + (
        b',"_version":1,"result":"created","_shards":{"total":1,"successful":1,"failed":0},'
        b'"_seq_no":0,"_primary_term":1,"status":201}}'
    )


def _error(item: Item) -> bytes:
    if item.refused is not None:
        return b',"error":{"type":"document_parsing_exception","reason":%s}' % _text(item.refused)
    if item.duplicate:
        reason = f"[{item.id}]: version conflict, document already exists"
        return b',"error":{"type":"version_conflict_engine_exception","reason":%s}' % _text(reason)
    return b""


def _text(value: str | None) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # lone surrogates
        return json.dumps(value).encode()
