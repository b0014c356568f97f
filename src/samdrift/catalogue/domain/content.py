"""Read common services from content/catalogue/*.yaml; every fault of every file comes at once, with its line.

A file holds one version of one service: slug, family, version, published, name, summary, includes, excludes,
unit_duties, municipality_duties, and levels (bronze, silver, gold), each with a calendar and its targets:
`respond: {P1: 30m @24x7, P2: 1h, …}` per priority, else one value (`availability: 99.5`, `recovery_time: 8h`).
`@calendar` after a value overrides the level's calendar.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

import attrs
import yaml

from samdrift.catalogue.domain.durations import minutes_from
from samdrift.catalogue.domain.services import (
    ALWAYS,
    CALENDARS,
    FAMILIES,
    LEVEL_CLASSES,
    METRICS,
    PRIORITIES,
    Level,
    Metric,
    Service,
    Target,
    Unit,
    Words,
)
from samdrift.catalogue.domain.strength import faults_of_levels
from samdrift_logs.errors import InputRefused


class CatalogueRefused(InputRefused):
    """The content is wrong; `problems` names every fault with file and line. Nothing of it was published."""

    def __init__(self, problems: Sequence[InputRefused]):
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__("; ".join(str(problem) for problem in self.problems))
        self.file, self.line, self.column = first.file, first.line, first.column


@attrs.frozen
class ContentFile:
    """One file of the catalogue: its name for messages and its text."""

    name: str
    text: str


def read_services(files: Sequence[ContentFile]) -> list[Service]:
    """Return the services of all files, in file order. Raises CatalogueRefused with all faults of all files."""
    services: list[Service] = []
    problems: list[InputRefused] = []
    seen: dict[tuple[str, str], str] = {}
    for file in files:
        try:
            service = read_service(file)
        except CatalogueRefused as refused:
            problems.extend(refused.problems)
            continue
        key = (service.slug, service.version)
        if key in seen:
            reason = f"{service.slug} version {service.version} is also in {seen[key]}; keep one of them"
            problems.append(InputRefused(reason, file=file.name, line=1))
        seen[key] = file.name
        services.append(service)
    if problems:
        raise CatalogueRefused(problems)
    return services


def read_service(file: ContentFile) -> Service:
    """Return the service of one file. Raises CatalogueRefused with all its faults."""
    reader = _Reader(file)
    service = reader.service()
    if reader.problems or service is None:
        raise CatalogueRefused(sorted(reader.problems, key=lambda problem: problem.line or 0))
    return service


_TEXTS = ("slug", "family", "version", "published")
_WORDS = ("name", "summary")
_LISTS = ("includes", "excludes", "unit_duties", "municipality_duties")
_KEYS = (*_TEXTS, *_WORDS, *_LISTS, "levels")


class _Reader:
    """Walks the YAML nodes, which know their lines, and gathers faults instead of stopping at the first."""

    def __init__(self, file: ContentFile):
        self.file = file
        self.problems: list[InputRefused] = []

    def service(self) -> Service | None:
        root = self._root()
        if root is None:
            return None
        found = self._mapping(root, allowed=_KEYS, required=_KEYS)
        if not set(_KEYS) <= set(found):
            return None
        slug, family, version, published = (self._text(found[key]) for key in _TEXTS)
        self._check_heading(found, slug=slug, family=family, version=version)
        published_on = self._date(found["published"], published)
        name, summary = (self._words(found[key]) for key in _WORDS)
        lists = {key: self._words_list(found[key]) for key in _LISTS}
        levels = self._levels(found["levels"])
        if self.problems or published_on is None:
            return None
        return Service(
            slug=slug,
            family=family,
            version=version,
            published_on=published_on,
            name=name,
            summary=summary,
            **lists,
            levels=levels,
            digest=hashlib.sha256(self.file.text.encode()).hexdigest(),
        )

    def _root(self) -> yaml.MappingNode | None:
        try:
            node = yaml.compose(self.file.text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            line = mark.line + 1 if mark else 1
            self.problems.append(InputRefused(f"is not YAML: {error.problem}", file=self.file.name, line=line))
            return None
        except yaml.YAMLError as error:  # a control character, say
            self.problems.append(InputRefused(f"is not YAML: {error}", file=self.file.name, line=1))
            return None
        if not isinstance(node, yaml.MappingNode):
            reason = f"begins with no mapping; write one service with the keys {', '.join(_KEYS)}"
            self.problems.append(InputRefused(reason, file=self.file.name, line=1))
            return None
        return node

    def _fault(self, node: yaml.Node, reason: str) -> None:
        mark = node.start_mark
        self.problems.append(InputRefused(reason, file=self.file.name, line=mark.line + 1, column=mark.column + 1))

    def _mapping(
        self, node: yaml.Node, *, allowed: Sequence[str], required: Sequence[str] = ()
    ) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        if not isinstance(node, yaml.MappingNode):
            self._fault(node, f"wants a mapping with the keys {', '.join(required or allowed)}")
            return found
        for key, value in node.value:
            name = str(key.value)
            if name not in allowed:
                self._fault(key, f"the key {name!r} is unknown; known are {', '.join(allowed)}")
            elif name in found:
                self._fault(key, f"the key {name!r} is there twice; keep one")
            else:
                found[name] = value
        missing = [name for name in required if name not in found]
        if missing:
            self._fault(node, f"lacks {', '.join(missing)}")
        return found

    def _text(self, node: yaml.Node) -> str:
        if isinstance(node, yaml.ScalarNode) and node.value.strip():
            return str(node.value).strip()
        self._fault(node, "wants a text that is not empty")
        return ""

    def _words(self, node: yaml.Node) -> Words:
        found = self._mapping(node, allowed=("da", "en"), required=("da", "en"))
        texts = {language: self._text(found[language]) if language in found else "" for language in ("da", "en")}
        return Words(da=texts["da"], en=texts["en"])

    def _words_list(self, node: yaml.Node) -> tuple[Words, ...]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._fault(node, "wants a list with at least one entry of da and en")
            return ()
        return tuple(self._words(entry) for entry in node.value)

    def _check_heading(self, found: Mapping[str, yaml.Node], *, slug: str, family: str, version: str) -> None:
        stem = self.file.name.rsplit("/", 1)[-1].removesuffix(".yaml")
        if slug and slug != stem and stem != f"{slug}-{version}":
            self._fault(found["slug"], f"the slug is {slug!r}; name the file {slug}.yaml or {slug}-{version}.yaml")
        if family and family not in FAMILIES:
            self._fault(found["family"], f"the family {family!r} is unknown; known are {', '.join(FAMILIES)}")
        if version and not all(part.isdecimal() for part in version.split(".")):
            self._fault(found["version"], f'the version is {version!r}; write numbers with dots, in quotes: "1.0"')

    def _date(self, node: yaml.Node, text: str) -> dt.date | None:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            self._fault(node, f"{text!r} is no date; write year-month-day, as 2026-10-01")
            return None

    def _levels(self, node: yaml.Node) -> tuple[Level, ...]:
        found = self._mapping(node, allowed=LEVEL_CLASSES, required=LEVEL_CLASSES)
        levels = tuple(self._level(name, found[name]) for name in LEVEL_CLASSES if name in found)
        if not self.problems:
            for level_class, reason in faults_of_levels(levels):
                self._fault(found[level_class], reason)
        return levels

    def _level(self, level_class: str, node: yaml.Node) -> Level:
        found = self._mapping(node, allowed=("calendar", *METRICS), required=("calendar",))
        calendar = self._calendar(found["calendar"]) if "calendar" in found else CALENDARS[0]
        targets: list[Target] = []
        for name, value in found.items():
            if name != "calendar":
                targets.extend(self._targets(name, value, calendar=calendar))
        return Level(level_class=level_class, targets=tuple(targets))

    def _calendar(self, node: yaml.Node) -> str:
        name = self._text(node)
        if name not in CALENDARS:
            self._fault(node, f"the calendar {name!r} is unknown; known are {', '.join(CALENDARS)}")
        return name

    def _targets(self, name: str, node: yaml.Node, *, calendar: str) -> list[Target]:
        metric = METRICS[name]
        if not metric.per_priority:
            target = self._target(name, "", node, calendar=calendar)
            return [target] if target else []
        found = self._mapping(node, allowed=PRIORITIES, required=PRIORITIES)
        targets = [self._target(name, priority, found[priority], calendar=calendar) for priority in found]
        return [target for target in targets if target]

    def _target(self, name: str, priority: str, node: yaml.Node, *, calendar: str) -> Target | None:
        metric = METRICS[name]
        text, _, own_calendar = (part.strip() for part in self._text(node).partition("@"))
        chosen = own_calendar or (calendar if metric.service_time else ALWAYS)
        if chosen not in CALENDARS:
            self._fault(node, f"the calendar {chosen!r} is unknown; known are {', '.join(CALENDARS)}")
        try:
            value = _value(metric, text)
        except ValueError as error:
            self._fault(node, str(error))
            return None
        return Target(metric=name, priority=priority, value=value, calendar=chosen)


def _value(metric: Metric, text: str) -> Decimal:
    if metric.unit is Unit.MINUTES:
        return Decimal(minutes_from(text))
    try:
        share = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no percentage; write a number such as 99.5") from None
    if not 0 < share <= 100:
        raise ValueError(f"{text} is no percentage; write a number above 0 and up to 100")
    return share
