"""Reading bulk bodies: whatever comes, the reply has the shape that clients parse, and no byte is lost."""

from __future__ import annotations

import json
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from samdrift_logs.journal import Receipt
from samdrift_logs.receive.bulk import parse, reply

SOURCE = UUID(int=1)
LINES = st.one_of(
    st.sampled_from(
        [
            b'{"create":{}}',
            b'{"index":{"_id":"a","_index":"\xc3\xb8"}}',
            b'{"create":{"_id":"\\ud800"}}',
            b'{"create":null}',
            b'{"create":{"_id":true}}',
            b'{"delete":{"_id":1}}',
            b'{"update":{}}',
            b'{"m":1}',
            b"[]",
            b"{",
            b"\xff",
            b"",
        ]
    ),
    st.binary(max_size=20),
)


@given(lines=st.lists(LINES, max_size=20), ending=st.sampled_from([b"\n", b"\r\n", b""]))
def test_any_body_gets_a_well_formed_reply_and_loses_no_line(lines: list[bytes], ending: bytes) -> None:
    body = b"\n".join(lines) + ending

    items = parse(body, source=SOURCE, index="logs")
    for terse in (True, False):
        answer = json.loads(reply(items, Receipt(0, 1, 1), took_ms=1, terse=terse))
        assert list(answer)[-2:] == ["errors", "items"]
        assert all(len(item) == 1 and isinstance(next(iter(item.values()))["status"], int) for item in answer["items"])
        assert answer["errors"] == any(item.refused for item in items)

    kept = b"\n".join(item.document for item in items)
    for item in items:
        if item.refused is None:
            assert isinstance(json.loads(item.document), dict)
    documents = [line for line in body.replace(b"\r\n", b"\n").split(b"\n") if line]
    assert all(line in kept for line in documents if not _is_action(line))


def _is_action(line: bytes) -> bool:
    try:
        action = json.loads(line)
    except ValueError:
        return False
    return isinstance(action, dict) and any(name in action for name in ("create", "index", "update", "delete"))
