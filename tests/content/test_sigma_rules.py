"""Every rule of content/sigma: shape, wording, and that its own events say what it does."""

from __future__ import annotations

import collections
import datetime as dt
import functools
import json
import re
import unicodedata
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pytest
import yaml
from evtx import PyEvtxParser
from sigma.collection import SigmaCollection
from sigma.plugins import InstalledSigmaPlugins
from sigma.validation import SigmaValidator

from samdrift.cli.demo.generate import make_stream
from samdrift.cli.demo.people import make_municipality
from samdrift.cli.demo.plan import Feed, FeedKind
from samdrift.cli.demo.story import make_story
from samdrift_logs.detect import Engine, RuleSet, load_rules
from samdrift_logs.detect.routing import Kind, belonging
from samdrift_logs.events import SCHEMA, EventBatch, RawBatch, Value, intern_fields
from samdrift_logs.normalise import normalise, source_types

FOLDER = Path(__file__).resolve().parents[2] / "content" / "sigma"
# Correlations and their parts have documents of another shape: test_correlations.py.
FILES = sorted(path for path in FOLDER.rglob("*.yml") if path.parent.name != "correlations")
FOLDERS = {
    "credential_theft",
    "execution_persistence",
    "exposed_services",
    "identity",
    "lateral_movement",
    "ransomware_precursors",
    "tampering",
}
# ATT&CK 19: defence evasion became stealth and defence impairment.
TACTICS = {
    "collection",
    "command-and-control",
    "credential-access",
    "defense-impairment",
    "discovery",
    "execution",
    "exfiltration",
    "impact",
    "initial-access",
    "lateral-movement",
    "persistence",
    "privilege-escalation",
    "reconnaissance",
    "resource-development",
    "stealth",
}
TECHNIQUE = re.compile(r"attack\.(t\d{4}(\.\d{3})?|s\d{4})")
REFERENCE = re.compile(r"https://attack\.mitre\.org/(techniques/T\d{4}/(\d{3}/)?|software/S\d{4}/)")
# These validators fetch ATT&CK and D3FEND from the network.
FETCHING = {"attacktag", "d3_fendtag"}
# Rules of level high or critical that may fire on another rule's hits: file stem → stems.
COMPANIONS: Mapping[str, set[str]] = {}
NOON = dt.datetime(2026, 11, 23, 11, 0, tzinfo=dt.UTC)


@functools.cache
def rule_at(path: Path) -> Mapping[str, Any]:
    return yaml.load(path.read_bytes(), yaml.CSafeLoader)


each_rule = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@attrs.frozen
class Sample:
    """One event that a rule brings along."""

    path: Path
    kind: str
    place: int
    logsource: Mapping[str, str]
    event: Mapping[str, Value]

    def columns(self) -> dict[str, str | None]:
        """What the normalisers put into the columns that routing reads."""
        source = self.logsource
        if source.get("product") == "windows":
            return {"product": "windows", "category": None, "service": None}
        service = self.event.get("type") if source.get("product") == "fortigate" else source.get("service")
        return {"product": source.get("product"), "category": source.get("category"), "service": service}


@pytest.fixture(scope="session")
def ruleset() -> RuleSet:
    return load_rules([folder for folder in sorted(FOLDER.iterdir()) if folder.name != "correlations"])


@pytest.fixture(scope="session")
def samples() -> list[Sample]:
    return [
        Sample(path, kind, place, rule["logsource"], {name: frozen(value) for name, value in event.items()})
        for path in FILES
        for rule in [rule_at(path)]
        for kind in ("hits", "misses")
        for place, event in enumerate(rule["samdrift"][kind])
    ]


@pytest.fixture(scope="session")
def fired(ruleset: RuleSet, samples: Sequence[Sample]) -> dict[Path, dict[tuple[str, int], set[str]]]:
    """Which rules (file stems) fire on each sample, all rules asked about all samples: path → (kind, place) → stems."""
    found: dict[Path, dict[tuple[str, int], set[str]]] = collections.defaultdict(dict)
    for sample in samples:
        found[sample.path][sample.kind, sample.place] = set()
    for match in Engine(ruleset).evaluate(batch_of(samples)):
        sample = samples[match.row]
        found[sample.path][sample.kind, sample.place].add(Path(match.rule.file).stem)
    return found


def frozen(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else value


def batch_of(samples: Sequence[Sample]) -> EventBatch:
    routing = [sample.columns() for sample in samples]
    columns = {
        field.name: pa.array([row.get(field.name) for row in routing], pa.string()).dictionary_encode()
        if field.name in ("product", "category", "service")
        else pa.nulls(len(samples), field.type)
        for field in SCHEMA
    }
    return EventBatch(pa.table(columns, schema=SCHEMA), intern_fields([sample.event for sample in samples]))


# ------------------------------------------------------------------ shape and wording


def test_set_is_complete_and_loads(ruleset: RuleSet) -> None:
    assert not ruleset.refused
    assert len(ruleset) == len(FILES) >= 45
    assert {path.parent.name for path in FILES} == FOLDERS


def test_ids_titles_and_file_names_are_unique() -> None:
    rules = [rule_at(path) for path in FILES]

    for values in ([rule["id"] for rule in rules], [rule["title"] for rule in rules], [path.name for path in FILES]):
        assert [value for value, count in collections.Counter(values).items() if count > 1] == []


def test_few_rules_are_critical() -> None:
    levels = collections.Counter(rule_at(path)["level"] for path in FILES)

    assert levels["critical"] <= 8
    assert levels["critical"] + levels["high"] <= len(FILES) // 2


def test_pysigma_validators_have_no_remarks() -> None:
    known = InstalledSigmaPlugins.autodiscover().validators
    validator = SigmaValidator({rule for name, rule in known.items() if name not in FETCHING})

    issues = validator.validate_rules(SigmaCollection.load_ruleset([str(FOLDER)]))

    assert [str(issue) for issue in issues] == []


@each_rule
def test_rule_has_every_part(path: Path) -> None:
    rule = rule_at(path)

    assert set(rule) == {
        "title", "id", "status", "level", "description", "references", "author", "date", "tags", "logsource",
        "detection", "falsepositives", "samdrift",
    }  # fmt: skip
    assert uuid.UUID(rule["id"]).version == 4
    assert str(uuid.UUID(rule["id"])) == rule["id"]
    assert rule["author"] == "Samdrift"
    assert rule["status"] in ("stable", "test", "experimental")
    assert rule["level"] in ("low", "medium", "high", "critical")
    assert isinstance(rule["date"], dt.date)
    assert len(rule["title"]) <= 80
    assert rule["description"].strip().endswith(".")
    assert rule["falsepositives"]
    assert re.fullmatch(r"[a-z0-9_]+\.yml", path.name)


@each_rule
def test_rule_names_its_techniques(path: Path) -> None:
    rule = rule_at(path)
    techniques = {tag for tag in rule["tags"] if TECHNIQUE.fullmatch(tag)}
    tactics = {tag.removeprefix("attack.") for tag in rule["tags"]} & TACTICS
    referred = {_tag_of(link) for link in rule["references"]}

    assert len(techniques) + len(tactics) == len(rule["tags"])
    assert any(tag.startswith("attack.t") for tag in techniques)
    assert tactics
    assert all(REFERENCE.fullmatch(link) for link in rule["references"])
    assert referred == techniques


def _tag_of(link: str) -> str:
    return (
        "attack."
        + link.removeprefix("https://attack.mitre.org/").partition("/")[2].strip("/").replace("/", ".").lower()
    )


@each_rule
def test_rule_has_no_invisible_characters(path: Path) -> None:
    odd = {
        f"U+{ord(character):04X}"
        for character in path.read_text(encoding="utf-8")
        if character != "\n" and (unicodedata.category(character)[0] == "C" or character in "\u00a0\u2028\u2029\u202f")
    }

    assert not odd


@each_rule
def test_rule_says_what_to_do(path: Path, ruleset: RuleSet) -> None:
    extra = rule_at(path)["samdrift"]
    danish, english = (extra["response"][language].strip().splitlines() for language in ("da", "en"))
    loaded = next(rule for rule in ruleset.rules if Path(rule.file) == path)

    assert set(extra) == {"owner", "response", "hits", "misses"}
    assert set(extra["response"]) == {"da", "en"}
    assert extra["owner"] == "soc"
    assert 3 <= len(danish) <= 6
    assert len(english) == len(danish)
    for lines in (danish, english):
        assert [line.partition(". ")[0] for line in lines] == [str(number + 1) for number in range(len(lines))]
        assert all(line.rstrip()[-1] in ".?)" or line.endswith('"') for line in lines)
    assert re.search("[æøå]", " ".join(danish))
    assert not re.search("[æøå]", " ".join(english))
    assert loaded.response == {language: text.strip() for language, text in extra["response"].items()}


# ------------------------------------------------------------------ what fires


@each_rule
def test_rule_fires_on_its_hits(path: Path, fired: Mapping[Path, Mapping[tuple[str, int], set[str]]]) -> None:
    hits = {place: stems for (kind, place), stems in fired[path].items() if kind == "hits"}

    assert len(hits) >= 2
    assert [place for place, stems in hits.items() if path.stem not in stems] == []


@each_rule
def test_no_rule_fires_on_its_misses(path: Path, fired: Mapping[Path, Mapping[tuple[str, int], set[str]]]) -> None:
    misses = {place: stems for (kind, place), stems in fired[path].items() if kind == "misses"}

    assert len(misses) >= 2
    assert {place: stems for place, stems in misses.items() if stems} == {}


def test_every_rule_is_asked_about_its_samples(samples: Sequence[Sample], ruleset: RuleSet) -> None:
    """A miss of another log source would prove nothing."""
    sources = {Path(rule.file): rule.logsource for rule in ruleset.rules}

    strangers = [
        f"{sample.path.stem} {sample.kind} {sample.place}"
        for sample in samples
        if not belonging(_kind(sample)).answers(sources[sample.path])
    ]

    assert strangers == []


def _kind(sample: Sample) -> Kind:
    event = sample.event
    columns = {name: value or "" for name, value in sample.columns().items()}
    return Kind(channel=str(event.get("Channel", "")).lower(), code=str(event.get("EventID", "")), **columns)


@each_rule
def test_hits_fire_no_unrelated_severe_rule(
    path: Path, ruleset: RuleSet, fired: Mapping[Path, Mapping[tuple[str, int], set[str]]]
) -> None:
    severe = {Path(rule.file).stem for rule in ruleset.rules if rule.level in ("high", "critical")}
    others = {stem for stems in fired[path].values() for stem in stems} & severe - {path.stem}

    assert others == COMPANIONS.get(path.stem, set())


# ------------------------------------------------------------------ the demo's day and its attack


@attrs.frozen
class Received:
    """A journal record as normalise reads it."""

    partition: int
    sequence: int
    batch: RawBatch


class NoSources:
    """A registry that knows no source: lines are read by their content."""

    def by_id(self, source: uuid.UUID) -> None:
        return None


def fired_on(ruleset: RuleSet, lines: Sequence[bytes]) -> collections.Counter[str]:
    raw = RawBatch(
        organisation=uuid.UUID(int=1), source=uuid.UUID(int=2), door="bulk", peer="", received_at=NOON, lines=lines
    )
    events = normalise([Received(0, 1, raw)], NoSources()).events
    return collections.Counter(Path(match.rule.file).stem for match in Engine(ruleset).evaluate(events))


@pytest.mark.parametrize("kind", list(FeedKind))
def test_an_ordinary_day_fires_nothing(ruleset: RuleSet, kind: FeedKind) -> None:
    town = make_municipality("Randers", seed=3)
    hosts = () if kind is FeedKind.WINDOWS else ("randers-x01",)
    line_at = make_stream(Feed(name=f"Randers {kind}", kind=kind, municipality=town.name, hosts=hosts), town, seed=3)
    lines = [line_at(NOON + dt.timedelta(seconds=second)) for second in range(5000)]

    assert fired_on(ruleset, lines) == {}


def test_the_attack_of_the_demo_is_seen_step_by_step(ruleset: RuleSet) -> None:
    town = make_municipality("Assens", seed=7)
    story = make_story(town, "ASSENS-FS01", seed=7)

    seen = {step.technique: set(fired_on(ruleset, [line.make(NOON) for line in step.lines])) for step in story}

    assert seen == {
        "T1110.003": {"windows_failed_logon_from_internet"},
        "T1078": {"windows_remote_logon_from_internet"},
        "T1059.001": {"powershell_encoded_download"},
        "T1069.002": {"domain_groups_listed"},
        "T1003.001": {"lsass_dump_comsvcs"},
        "T1569.002": {"psexec_service_installed"},
        "T1489": {"backup_or_security_service_stopped"},
        "T1567.002": {"rclone_sends_files_out"},
        "T1490": {"shadow_copies_deleted", "backup_catalog_deleted", "recovery_switched_off"},
        "T1070.001": {"event_log_cleared_by_command", "security_log_cleared"},
    }


# ------------------------------------------------------------------ from the line as its sender writes it

LINES = {
    "ssh_password_logon_from_internet": (
        b"<38>Nov 23 10:00:00 web01 sshd[811]: Accepted password for root from 203.0.113.50 port 51512 ssh2"
    ),
    "ssh_too_many_failures": (
        b"<86>2026-11-23T10:00:00+01:00 web01 sshd[811]: error: maximum authentication attempts exceeded for root"
        b" from 203.0.113.50 port 40112 ssh2 [preauth]"
    ),
    "linux_logging_stopped": (
        b"<85>Nov 23 10:00:00 web01 sudo:    drift : TTY=pts/0 ; PWD=/tmp ; USER=root ;"
        b" COMMAND=/usr/bin/systemctl stop rsyslog"
    ),
    "linux_web_account_uses_sudo": (
        b"<85>Nov 23 10:00:00 web01 sudo[77]: www-data : command not allowed ; TTY=unknown ; PWD=/var/www/html ;"
        b" USER=root ; COMMAND=/usr/bin/id"
    ),
    "firewall_administered_from_internet": (
        b'<189>date=2026-11-23 time=10:00:00 devname="fw01" devid="FG100" tz="+0100" logid="0100032001" type="event"'
        b' subtype="system" level="information" logdesc="Admin login successful" user="admin" ui="https(203.0.113.8)"'
        b' srcip=203.0.113.8 dstip=198.51.100.1 action="login" status="success" msg="Administrator admin logged in"'
    ),
    "administration_port_open_to_internet": (
        b'<189>date=2026-11-23 time=10:00:00 devname="fw01" devid="FG100" logid="0000000013" type="traffic"'
        b' subtype="forward" srcip=203.0.113.77 srcport=50000 srcintf="wan1" srcintfrole="wan" dstip=10.12.1.20'
        b' dstport=3389 action="close" policyid=144 proto=6 sentbyte=51200 rcvdbyte=812000'
    ),
    "proxy_program_from_bare_address": (
        b'10.12.1.20 - - [23/Nov/2026:10:00:00 +0100] "GET http://203.0.113.66:8080/a/stage2.ps1 HTTP/1.1" 200 5120'
        b' "-" "WindowsPowerShell/5.1" TCP_MISS:HIER_DIRECT'
    ),
    "proxy_tunnel_service": (
        b"1795424400.123 84 10.1.1.7 TCP_TUNNEL/200 5120 CONNECT gloomy-fern-77.trycloudflare.com:443 -"
        b" HIER_DIRECT/203.0.113.9 -"
    ),
}


@pytest.mark.parametrize(("stem", "line"), LINES.items(), ids=LINES)
def test_rule_fires_on_the_line_as_sent(ruleset: RuleSet, stem: str, line: bytes) -> None:
    assert fired_on(ruleset, [line]) == {stem: 1}


def record_of(event: Mapping[str, Any]) -> bytes:
    """Write a rule's sample as Microsoft 365 sends it: pairs as objects, the record's header around it."""
    pairs = {name: [json.loads(pair) for pair in value] for name, value in event.items() if isinstance(value, list)}
    header: dict[str, Any] = {"CreationTime": "2026-11-23T10:00:00", "RecordType": 1}
    return json.dumps(header | event | pairs, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "path", [path for path in FILES if rule_at(path)["logsource"].get("product") == "m365"], ids=lambda path: path.stem
)
def test_rule_fires_on_the_record_as_sent(ruleset: RuleSet, path: Path) -> None:
    extra = rule_at(path)["samdrift"]

    hits = [fired_on(ruleset, [record_of(event)]) for event in extra["hits"]]
    misses = [fired_on(ruleset, [record_of(event)]) for event in extra["misses"]]

    assert hits == [{path.stem: 1}] * len(hits)
    assert misses == [{}] * len(misses)


def test_every_rule_has_a_source_type_that_feeds_it() -> None:
    """A rule without data can never fire."""
    fed = {each for kind in source_types().values() for each in (kind.product, kind.category) if each}
    sources = {path.stem: rule_at(path)["logsource"] for path in FILES}

    assert {
        stem for stem, source in sources.items() if source.get("product", source.get("category")) not in fed
    } == set()


# ------------------------------------------------------------------ real data

# attack sample (file name) → rule that must see it
SEEN_IN = {
    "CA_DCSync_4662.evtx": "directory_replication_by_user",
    "DE_104_system_log_cleared.evtx": "system_or_other_log_cleared",
    "DE_Fake_ComputerAccount_4720.evtx": "account_named_like_computer",
    "DE_sysmon-3-rdp-tun.evtx": "remote_desktop_through_tunnel",
    "LM_4624_mimikatz_sekurlsa_pth_source_machine.evtx": "logon_with_other_network_identity",
    "LM_typical_IIS_webshell_sysmon_1_10_traces.evtx": "web_server_starts_shell",
    "LM_wmiexec_impacket_sysmon_whoami.evtx": "remote_shell_output_on_share",
    "Network_Service_Guest_added_to_admins_4732.evtx": "local_administrators_got_member",
    "System_7045_namedpipe_privesc.evtx": "service_runs_command_line",
    "sysmon_10_1_memdump_comsvcs_minidump.evtx": "lsass_dump_comsvcs",
    "sysmon_10_lsass_mimikatz_sekurlsa_logonpasswords.evtx": "lsass_opened_for_reading",
    "sysmon_20_21_1_CommandLineEventConsumer.evtx": "wmi_permanent_consumer",
    "sysmon_rdrleakdiag_lsass_dump.evtx": "lsass_dump_tool",
}


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "stem"), SEEN_IN.items(), ids=SEEN_IN.values())
def test_attack_samples_are_seen(ruleset: RuleSet, shared_data: Path, name: str, stem: str) -> None:
    path = next((shared_data / "evtx" / "attack-samples").rglob(name))

    assert stem in fired_on(ruleset, list(_records(path)))


def _records(path: Path) -> Iterator[bytes]:
    for record in PyEvtxParser(str(path)).records_json():
        yield record["data"].encode()


@pytest.mark.realdata
def test_rules_are_our_own_words(shared_data: Path) -> None:
    published = [
        text
        for path in (shared_data / "sigma").rglob("*.yml")
        for text in re.findall(
            r"^(?:title|id):\s*(.+)$", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE
        )
    ]
    theirs = {text.strip("'\" ").casefold() for text in published}
    ours = {str(rule_at(path)[name]).casefold() for path in FILES for name in ("title", "id")}

    assert ours & theirs == set()
