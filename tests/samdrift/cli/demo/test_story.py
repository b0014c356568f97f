"""The attack as the rules see it: every step is found by a published rule, and an ordinary day is not."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from samdrift.cli.demo.generate import make_stream
from samdrift.cli.demo.people import Municipality, make_municipality
from samdrift.cli.demo.plan import Feed, FeedKind
from samdrift.cli.demo.story import make_story
from samdrift_logs.detect import Engine, load_rules
from tests.samdrift_logs.normalise.kit import read_lines

AT = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
HOSTS = {
    FeedKind.WINDOWS: ("AEROE-FS01", "AEROE-AD01"),
    FeedKind.LINUX: ("web01",),
    FeedKind.FORTIGATE: ("aeroe-fw01",),
    FeedKind.SQUID: ("aeroe-proxy01",),
}


@pytest.fixture(scope="module")
def town() -> Municipality:
    return make_municipality("Ærø", seed=7)


@pytest.fixture(scope="module")
def own_rules() -> Engine:
    return Engine(load_rules([Path(__file__).parents[4] / "content" / "sigma"]))


def found_by(engine: Engine, lines: Sequence[bytes]) -> Counter[str]:
    result = read_lines(lines, "auto")
    assert len(result.rejects) == 0
    silent = engine.ruleset.silent  # parts of correlations
    return Counter(str(match.rule.id) for match in engine.evaluate(result.events) if match.rule.id not in silent)


def ordinary_lines(town: Municipality, kind: FeedKind, at: dt.datetime, count: int) -> list[bytes]:
    feed = Feed(name=f"prøve {kind}", kind=kind, municipality=town.name, hosts=HOSTS[kind])
    stream = make_stream(feed, town, seed=7)
    return [stream(at + dt.timedelta(milliseconds=30 * number)) for number in range(count)]


def test_story_lasts_some_forty_seconds_in_order(town: Municipality) -> None:
    steps = make_story(town, "AEROE-FS01", seed=7)

    assert [step.after_s for step in steps] == sorted(step.after_s for step in steps)
    assert (steps[0].after_s, steps[-1].after_s) == (0, 40)
    assert all(step.lines and step.sigma for step in steps)


def test_every_step_is_found_by_our_own_rules(town: Municipality, own_rules: Engine) -> None:
    for step in make_story(town, "AEROE-FS01", seed=7):
        assert found_by(own_rules, [line.make(AT) for line in step.lines]), step.title


@pytest.mark.realdata
def test_every_step_is_found_by_the_published_rules_it_names(town: Municipality, shared_data: Path) -> None:
    steps = make_story(town, "AEROE-FS01", seed=7)
    wanted = {rule for step in steps for rule in step.sigma}
    rules = shared_data / "sigma" / "rules"
    files = [path for path in rules.rglob("*.yml") if any(rule in path.read_text("utf-8") for rule in wanted)]
    engine = Engine(load_rules(files))

    for step in steps:
        found = found_by(engine, [line.make(AT) for line in step.lines])
        assert set(step.sigma) <= set(found), step.title


@pytest.mark.parametrize("kind", list(FeedKind))
@pytest.mark.parametrize("hour", [9, 23])
def test_ordinary_day_raises_no_alert(town: Municipality, own_rules: Engine, kind: FeedKind, hour: int) -> None:
    lines = ordinary_lines(town, kind, AT.replace(hour=hour), 1500)

    assert found_by(own_rules, lines) == Counter()


@pytest.mark.parametrize("kind", list(FeedKind))
def test_same_seed_gives_same_lines(town: Municipality, kind: FeedKind) -> None:
    assert ordinary_lines(town, kind, AT, 200) == ordinary_lines(town, kind, AT, 200)


@pytest.mark.parametrize(
    ("kind", "source_type"),
    [
        (FeedKind.WINDOWS, "winlogbeat"),
        (FeedKind.LINUX, "linux_auth"),
        (FeedKind.FORTIGATE, "fortigate"),
        (FeedKind.SQUID, "squid"),
    ],
)
def test_lines_are_what_their_normaliser_reads(town: Municipality, kind: FeedKind, source_type: str) -> None:
    result = read_lines(ordinary_lines(town, kind, AT, 500), "auto")

    table = result.events.table
    assert set(table["source_type"].to_pylist()) == {source_type}
    assert table["event_at"].null_count == 0
    assert table["host"].null_count == 0


def test_people_work_by_day_and_machines_always(town: Municipality) -> None:
    def logons(hour: int) -> int:
        lines = ordinary_lines(town, FeedKind.WINDOWS, AT.replace(hour=hour), 2000)
        return sum(
            b'"code":"4624"' in line and b"PC1" in line and b'$","TargetDomainName"' not in line for line in lines
        )

    assert logons(9) > 2 * logons(1)


def test_names_are_danish() -> None:
    town = make_municipality("Ærø", seed=7)

    assert (town.slug, town.domain) == ("aeroe", "aeroe.example")
    assert any(set("æøå") & set(person.account) for person in town.people)
    assert len({person.account for person in town.people}) == 120
