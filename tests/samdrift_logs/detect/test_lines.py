"""The way through lines against the way through the normaliser, match for match."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samdrift_logs.detect import Engine, RuleSet, load_rules
from samdrift_logs.detect.lines import LineMemory
from samdrift_logs.events import EventBatch, RawBatch
from samdrift_logs.normalise import normalise
from samdrift_logs.normalise.evtx.files import EvtxRecord, read_evtx
from samdrift_logs.normalise.evtx.normalise import fields_of_event
from samdrift_logs.runner.dialects import WINDOWS_JSON
from tests.samdrift_logs.detect.batches import ORGANISATION, RECEIVED, SOURCE, engine_for, parse, rule_text
from tests.samdrift_logs.detect.generated import EVENTS, detections

Hits = dict[tuple[int, str], dict[str, Any]]


@attrs.frozen
class _Kind:
    type: str = "windows_json"
    timezone: str = "UTC"


class _Registry:
    def by_id(self, source: uuid.UUID) -> _Kind:
        return _Kind()


@attrs.frozen
class _Record:
    batch: RawBatch
    partition: int = 0
    sequence: int = 0


def normalised(lines: Sequence[bytes]) -> EventBatch:
    raw = RawBatch(
        organisation=ORGANISATION, source=SOURCE, door="test", peer="test", received_at=RECEIVED, lines=list(lines)
    )
    return normalise([_Record(raw)], _Registry()).events


def hits_of_batch(engine: Engine, lines: Sequence[bytes], rows: Sequence[int]) -> Hits:
    events = normalised([lines[row] for row in rows])
    row_of = [rows[int(each.rsplit("-", 1)[1])] for each in events.table["event_id"].to_pylist()]
    return {(row_of[match.row], match.rule.id): dict(match.fields) for match in engine.evaluate(events)}


def hits_of_lines(engine: Engine, lines: Sequence[bytes]) -> tuple[Hits, list[int]]:
    """Return the hits of lines and those of the odd ones by the slow path, and which were odd."""
    found = engine.evaluate_lines(lines, WINDOWS_JSON)
    hits = {(match.row, match.rule.id): dict(match.fields) for match in found.matches}
    assert len(hits) == len(found.matches)
    assert not {row for row, _ in hits} & set(found.odd)
    return hits | hits_of_batch(engine, lines, found.odd), list(found.odd)


def assert_equal(ruleset: RuleSet, lines: Sequence[bytes], **options: Any) -> list[int]:
    """Hold both ways equal, on the first pass and when everything is remembered."""
    wanted = hits_of_batch(Engine(ruleset, **options), lines, range(len(lines)))
    engine = Engine(ruleset, **options)
    for _ in range(2):
        found, odd = hits_of_lines(engine, lines)
        assert found == wanted
    return odd


@given(st.lists(detections(), min_size=1, max_size=3), st.lists(EVENTS, min_size=1, max_size=5))
def test_generated_rules_on_generated_lines(found: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    texts = [rule_text(each, title=f"Rule {n}", logsource={"product": "windows"}) for n, each in enumerate(found)]
    ruleset = parse(*texts)
    lines = [orjson.dumps({"Channel": "Security", "EventID": n % 3, **event}) for n, event in enumerate(events)]

    assert_equal(ruleset, lines)


HEADERS = (
    {"Channel": "Security", "EventID": 4688, "NewProcessName": "C:\\a\\EVIL.exe", "SubjectUserName": "ane"},
    {"Channel": "Security", "EventID": "4688", "NewProcessName": "c:\\a\\evil.exe", "Image": "other"},
    {"Channel": "Security", "EventID": 4688, "SubjectUserName": "ane", "SubjectDomainName": "KOM"},
    {"Channel": "Security", "EventID": 4688, "SubjectUserName": "ane", "SubjectDomainName": "-", "User": None},
    {"Channel": "Security", "EventID": 4689, "NewProcessName": "C:\\a\\evil.exe"},
    {"channel": "Security", "EventId": 4688, "NewProcessName": "C:\\a\\evil.exe"},
    {"LogName": "Security", "event_id": 4688, "channel": None, "NewProcessName": "C:\\a\\evil.exe"},
    {"Channel": "Security", "eventid": 4688, "NewProcessName": "C:\\a\\evil.exe"},
    {"Channel": "Security", "EventID": 4688, "Hostname": "pc1", "SourceName": "Prov", "ProviderName": "Other"},
    {"Channel": "Security", "EventID": 4688, "Hostname": None, "MachineName": "pc1", "Provider": "Prov"},
    {"Channel": "Security", "EventID": 1, "Message": "evil words"},
    {"Channel": "Security", "EventID": 1, "Message": None, "Threat Name": "Evil"},
    {"Channel": "Security", "EventID": 1, "Message": "evil words", **{f"f{n}": n for n in range(9)}},
    {"Channel": "Security", "EventID": 1, "Message": "evil words", **{f"f{n}": n for n in range(8)}},
    {"Channel": "Security", "EventID": 1, "Message": "evil words", "Hostname": "a", **{f"f{n}": n for n in range(7)}},
    {"Channel": "Security", "EventID": 1, "unasked": "some \u212aeyword EVIL stands here"},
    {"Channel": "Security", "EventID": 1, "unasked": "in \\evil\\ paths"},
    {"Channel": None, "EventID": None, "Image": "x"},
    {"Channel": "PowerShellCore/Operational", "EventID": 4104, "ScriptBlockText": "evil"},
    {"Image": "no header"},
)
HEADER_RULES = (
    ({"s": {"Image|endswith": "\\evil.exe"}}, {"product": "windows", "category": "process_creation"}),
    ({"s": {"NewProcessName|endswith": "\\evil.exe"}}, {"product": "windows", "service": "security"}),
    ({"s": {"User|contains": "ane"}}, {"product": "windows", "category": "process_creation"}),
    ({"s": {"Computer": "pc1", "Provider_Name": "prov"}}, {"product": "windows"}),
    ({"s": {"Hostname": "pc1"}}, {"product": "windows"}),
    ({"s": {"SourceName": "prov"}}, {"product": "windows"}),
    ({"s": {"Message|contains": "evil"}}, {"product": "windows"}),
    ({"s": {"ThreatName": "evil"}}, {"product": "windows"}),
    ({"s": ["evil"]}, {"product": "windows"}),
    ({"s": ["\\evil\\"]}, {"product": "windows", "service": "security"}),
    ({"s": ["keyword"]}, {"product": "windows"}),
    ({"s": {"Channel": None}}, {"product": "windows"}),
    ({"s": {"EventID": 4688}}, {"product": "windows"}),
    ({"s": {"Image": None}}, {"product": "windows", "category": "process_creation"}),
)


@pytest.mark.parametrize("which", [*range(len(HEADER_RULES)), None])
def test_headers_and_renamed_fields(which: int | None) -> None:
    chosen = HEADER_RULES if which is None else HEADER_RULES[which : which + 1]
    ruleset = parse(
        *(
            rule_text({**detection, "condition": "s"}, title=f"Rule {number}", logsource=source)
            for number, (detection, source) in enumerate(chosen)
        )
    )
    assert not ruleset.refused
    for header in HEADERS:  # each alone: a batch must not lend a line its neighbours' fields
        assert_equal(ruleset, [orjson.dumps(header)])


def test_a_full_memory_changes_no_match() -> None:
    ruleset = parse(rule_text({"s": {"Image|contains": "evil"}, "condition": "s"}, logsource={"product": "windows"}))
    lines = [orjson.dumps({"Channel": "c", "EventID": n, "Image": f"evil {n}"}) for n in range(40)]
    engine = Engine(ruleset, memory_bytes=500)

    for first in range(0, 40, 10):
        found = engine.evaluate_lines(lines[first : first + 10], WINDOWS_JSON)
        assert [match.row for match in found.matches] == list(range(10))

    assert engine.generation == 3


def test_lines_without_any_rule_match_nothing() -> None:
    engine = engine_for(rule_text({"s": {"Image": "x"}, "condition": "s"}))

    found = engine.evaluate_lines([], WINDOWS_JSON)

    assert (list(found.matches), list(found.odd)) == ([], [])


@pytest.mark.realdata
@pytest.mark.parametrize("place", range(4))
def test_sigmahq_on_attack_samples(shared_data: Path, place: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = tmp_path_factory.getbasetemp() / "lines-rules"
    ruleset = load_rules([shared_data / "sigma" / "rules" / "windows"], cache=cache)
    lines = []
    for path in sorted((shared_data / "evtx" / "attack-samples").rglob("*.evtx"))[place::4]:
        records = [item.line for item in read_evtx(path) if isinstance(item, EvtxRecord)][:40]
        lines += [orjson.dumps(fields_of_event(orjson.loads(record)["Event"])[0]) for record in records]

    odd = assert_equal(ruleset, lines, cache=cache)

    assert len(odd) < len(lines) / 3


def test_a_chunk_cut_short_hides_nothing_later(monkeypatch: pytest.MonkeyPatch) -> None:
    ruleset = parse(rule_text({"s": {"Image|contains": "evil"}, "condition": "s"}, logsource={"product": "windows"}))
    lines = [orjson.dumps({"Channel": "c", "EventID": n, "Image": f"evil {n}"}) for n in range(9)]
    engine = Engine(ruleset)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(LineMemory, "_learn_column", _interrupted)
        engine.evaluate_lines(lines, WINDOWS_JSON)

    found = engine.evaluate_lines(lines[:5], WINDOWS_JSON)

    assert [match.row for match in found.matches] == list(range(5))


def _interrupted(*_given: object) -> None:
    raise KeyboardInterrupt
