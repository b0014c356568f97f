"""Cutting a syslog stream: each framing and quirk once, and the same lines however the stream is cut into reads."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samdrift_logs.receive.framing import Framer

MAX = 40
KEPT = 10
TOO_LONG = f"longer than {MAX} bytes; the first {KEPT} are kept"
ENDED = "the connection ended inside a counted frame"
Result = tuple[list[bytes], list[tuple[bytes, str]]]


def cut(*reads: bytes) -> Result:
    framer = Framer(max_line=MAX, kept=KEPT)
    cuts = [framer.feed(read) for read in reads] + [framer.finish()]
    return [line for one in cuts for line in one.lines], [reject for one in cuts for reject in one.rejects]


CASES: dict[str, tuple[bytes, Result]] = {
    "LF": (b"<13>a\n<13>b\n", ([b"<13>a", b"<13>b"], [])),
    "octet-counted, no LF (logger --octet-count)": (b"5 <13>a6 <13>bc", ([b"<13>a", b"<13>bc"], [])),
    "octet-counted with LF inside (rsyslog)": (b"6 <13>a\n6 <13>b\n", ([b"<13>a", b"<13>b"], [])),
    "octet count is bytes, not letters": (b"7 <13>\xc3\xa6\n5 <13>b", ([b"<13>\xc3\xa6", b"<13>b"], [])),
    "both framings on one connection": (
        b"<13>a\n5 <13>b<13>c\n5 <13>d",
        ([b"<13>a", b"<13>b", b"<13>c", b"<13>d"], []),
    ),
    "a counted frame may hold LF and NUL": (b"7 a\nb\0c\nd<13>e\n", ([b"a\nb\0c\nd", b"<13>e"], [])),
    "NUL": (b"<13>a\0<13>b\0", ([b"<13>a", b"<13>b"], [])),
    "NUL and LF on one connection": (b"<13>a\0<13>b\n<13>c\0", ([b"<13>a", b"<13>b", b"<13>c"], [])),
    "CR LF": (b"<13>a\r\n<13>b\r\n", ([b"<13>a", b"<13>b"], [])),
    "empty lines are nothing": (b"\n\n<13>a\n\0\n<13>b\n\n", ([b"<13>a", b"<13>b"], [])),
    "last line without LF": (b"<13>a\n<13>b", ([b"<13>a", b"<13>b"], [])),
    "no priority, a date": (b"2026-11-23T20:00:00 a\n", ([b"2026-11-23T20:00:00 a"], [])),
    "digits without a space are a line": (b"12345\n67:8\n", ([b"12345", b"67:8"], [])),
    "eight digits are no count": (b"12345678 a\n", ([b"12345678 a"], [])),
    "zero is no count": (b"0 a\n", ([b"0 a"], [])),
    "latin-1 and garbage stay as they are": (b"<13>\xe6\xff\xfe\n", ([b"<13>\xe6\xff\xfe"], [])),
    "longest line": (b"x" * MAX + b"\n<13>b\n", ([b"x" * MAX, b"<13>b"], [])),
    "longest line with CR": (b"x" * MAX + b"\r\n", ([b"x" * MAX], [])),
    "too long": (b"y" * (MAX + 1) + b"\n<13>b\n", ([b"<13>b"], [(b"y" * KEPT, TOO_LONG)])),
    "far too long": (b"y" * 500 + b"\n<13>b\n", ([b"<13>b"], [(b"y" * KEPT, TOO_LONG)])),
    "too long, NUL": (b"y" * 500 + b"\0<13>b\n", ([b"<13>b"], [(b"y" * KEPT, TOO_LONG)])),
    "too long, and the end": (b"y" * 500, ([], [(b"y" * KEPT, TOO_LONG)])),
    "counted, too long": (b"50 " + b"z" * 50 + b"<13>b\n", ([b"<13>b"], [(b"z" * KEPT, TOO_LONG)])),
    "counted, too long, cut off": (b"9999999 zz", ([], [(b"zz", TOO_LONG)])),
    "counted, longest with LF": (b"41 " + b"z" * 40 + b"\n<13>b\n", ([b"z" * 40, b"<13>b"], [])),
    "counted, cut off": (b"<13>a\n20 <13>b", ([b"<13>a"], [(b"20 <13>b", ENDED)])),
    "counted, of one LF": (b"1 \n<13>a\n", ([b"<13>a"], [])),
}


@pytest.mark.parametrize(("stream", "expected"), CASES.values(), ids=list(CASES))
def test_framing(stream: bytes, expected: Result) -> None:
    assert cut(stream) == expected
    assert cut(*(stream[at : at + 1] for at in range(len(stream)))) == expected


FRAMES = st.one_of(
    st.binary(max_size=60).map(lambda line: line + b"\n"),
    st.text("ab<> \r", max_size=60).map(lambda line: line.encode() + b"\n"),
    st.binary(max_size=60).map(lambda line: line + b"\0"),
    st.binary(max_size=60).map(lambda line: b"%d %s" % (len(line), line)),
    st.binary(max_size=60).map(lambda line: b"%d %s\n" % (len(line) + 1, line)),
    st.binary(max_size=12),
)


@given(frames=st.lists(FRAMES, max_size=12), cuts=st.lists(st.integers(0, 400), max_size=12))
def test_any_cut_of_the_stream_gives_the_same_lines(frames: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frames)
    places = [0, *sorted(min(place, len(stream)) for place in cuts), len(stream)]

    assert cut(*(stream[start:end] for start, end in itertools.pairwise(places))) == cut(stream)


@given(lines=st.lists(st.text("ab<>æ ", min_size=1, max_size=20).map(str.encode), max_size=12), counted=st.data())
def test_what_a_sender_frames_comes_out_again(lines: list[bytes], counted: st.DataObject) -> None:
    framed = [b"%d %s" % (len(line), line) if counted.draw(st.booleans()) else line + b"\n" for line in lines]

    assert cut(b"".join(framed)) == (lines, [])


def test_one_megabyte_line_passes_and_memory_is_bounded_beyond_the_limit() -> None:
    framer = Framer()
    long = b"<13>" + b"x" * 1_000_000

    passed = [framer.feed(part) for part in (long[:300_000], long[300_000:], b"\n")]
    for _ in range(100):
        framer.feed(b"y" * 100_000)
    refused = framer.feed(b"\n<13>b\n")

    assert [line for one in passed for line in one.lines] == [long]
    assert (refused.lines, len(refused.rejects), len(refused.rejects[0][0])) == ([b"<13>b"], 1, 65_536)
