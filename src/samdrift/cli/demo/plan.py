"""What the feeder is told to do. The demo command fills a Plan; the feeder gets it as JSON.

{"seed": 7, "rate": 3000, "calm_rate": 50, "report": "/…/feeder.json",
 "bulk": {"host": "127.0.0.1", "port": 9200, "path": "/_bulk"},
 "syslog": {"host": "127.0.0.1", "port": 6514},
 "story": {"municipality": "Assens", "host": "ASSENS-FS01", "after_s": 2.0},
 "feeds": [{"name": "Assens: Windows-servere", "kind": "windows", "municipality": "Assens",
            "hosts": ["ASSENS-FS01", "ASSENS-AD01"], "share": 3.0, "token": "…", "bind": null},
           {"name": "Assens: firewall", "kind": "fortigate", "municipality": "Assens",
            "hosts": ["assens-fw01"], "share": 1.0, "token": null, "bind": "127.20.1.10"}]}
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import orjson


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


class FeedKind(enum.StrEnum):
    """What a feed imitates, and the door it uses: windows the bulk door with a token, the others plain syslog."""

    WINDOWS = "windows"  # source type winlogbeat
    LINUX = "linux"  # source type linux_auth
    FORTIGATE = "fortigate"  # source type fortigate
    SQUID = "squid"  # source type squid


@attrs.frozen(kw_only=True)
class Door:
    """Where a door of the receiver listens. `path` only for the bulk door."""

    host: str
    port: int
    path: str = "/_bulk"


@attrs.frozen(kw_only=True)
class Feed:
    """One sender: one source in the registry.

    `share` is its weight in the whole rate. `token` is sent as `Authorization: ApiKey …` to the bulk door, `bind`
    is the loopback address (127.x.y.z) that syslog leaves from, by which the receiver knows the source. `hosts` are the
    names in the lines; a Windows feed without hosts speaks for some forty employees' computers.
    """

    name: str
    kind: FeedKind = attrs.field(converter=FeedKind)
    municipality: str
    hosts: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    share: float = 1.0
    token: str | None = None
    bind: str | None = None


@attrs.frozen(kw_only=True)
class StoryPlan:
    """The attack: on which municipality's Windows server (a host of one of its Windows feeds), how long after start.

    `pace` stretches (over 1) or presses (under 1) the story's own 40 seconds.
    """

    municipality: str
    host: str
    after_s: float = 2.0
    pace: float = 1.0


@attrs.frozen(kw_only=True)
class Plan:
    """Everything the feeder needs. Rates are lines a second over all feeds.

    `rate` is held until the story has been told (or, without a story, to the end), then `calm_rate`. `lines` ends the
    feeder after so many generated lines, `seconds` after so long; without either it runs until it is told to stop.
    """

    seed: int = 7
    rate: float = 3000.0
    calm_rate: float = 50.0
    bulk: Door
    syslog: Door
    feeds: tuple[Feed, ...]
    story: StoryPlan | None = None
    report: Path = attrs.field(converter=Path)
    lines: int | None = None
    seconds: float | None = None


def plan_from_json(content: bytes) -> Plan:
    """Read a plan. Raises ValueError, KeyError or TypeError with the field that is wrong."""
    document: Mapping[str, Any] = orjson.loads(content)
    if type(document) is not dict:
        raise ValueError("the plan is not a JSON object")
    known = {field.name for field in attrs.fields(Plan)}
    if unknown := set(document) - known:
        raise ValueError(f"the plan has fields that the feeder does not know: {', '.join(sorted(unknown))}")
    story = document.get("story")
    return Plan(
        **{
            **document,
            "bulk": Door(**document["bulk"]),
            "syslog": Door(**document["syslog"]),
            "feeds": tuple(Feed(**feed) for feed in document["feeds"]),
            "story": StoryPlan(**story) if story else None,
        }
    )


def plan_to_json(plan: Plan) -> bytes:
    """Return the plan as the feeder reads it."""
    return orjson.dumps(attrs.asdict(plan, recurse=True), default=str, option=orjson.OPT_INDENT_2)
