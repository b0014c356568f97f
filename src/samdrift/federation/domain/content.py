"""The files in content/organisations: municipalities.yaml and units.yaml.

Each is a list of mappings. All faults of both files are found before anything is refused, each with file and line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import attrs
import yaml

from samdrift.federation.domain import cvr
from samdrift_logs.errors import InputRefused

REGIONS = ("Hovedstaden", "Sjælland", "Syddanmark", "Midtjylland", "Nordjylland")


class OrganisationsRefused(InputRefused):
    """The content files cannot be used; `faults` has every place and reason."""

    def __init__(self, faults: Sequence[InputRefused]):
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in faults))


@attrs.frozen(kw_only=True)
class Municipality:
    """One line of municipalities.yaml."""

    kommunekode: str
    name: str
    short_name: str
    cvr: str
    region: str


@attrs.frozen(kw_only=True)
class Unit:
    """One entry of units.yaml. The municipalities of `region` own it from `owned_from`."""

    name: str
    short_name: str
    cvr: str
    region: str
    owned_from: date


@attrs.frozen(kw_only=True)
class Organisations:
    """What both files say."""

    municipalities: tuple[Municipality, ...]
    units: tuple[Unit, ...]


def read_organisations(folder: Path) -> Organisations:
    """Read both files. Raises OrganisationsRefused with every fault, or with the file that cannot be read."""
    faults: list[InputRefused] = []
    municipalities = [
        Municipality(
            kommunekode=entry["kommunekode"],
            name=entry.get("full_name", f"{entry['name']} Kommune"),
            short_name=entry["name"],
            cvr=entry["cvr"],
            region=entry["region"],
        )
        for entry in _entries(folder / "municipalities.yaml", _municipality_faults, faults)
    ]
    units = [
        Unit(
            name=entry["name"],
            short_name=entry["name"],
            cvr=entry["invented_cvr"],
            region=entry["region"],
            owned_from=date.fromisoformat(entry["owned_from"]),
        )
        for entry in _entries(folder / "units.yaml", _unit_faults, faults)
    ]
    faults.extend(_repetitions(municipalities, units))
    if faults:
        raise OrganisationsRefused(faults)
    return Organisations(municipalities=tuple(municipalities), units=tuple(units))


Entry = Mapping[str, str]
_Check = Callable[[Entry], Iterator[str]]


def _entries(path: Path, check: _Check, faults: list[InputRefused]) -> Iterator[Entry]:
    """Yield the sound entries of one file; add what is wrong with the others to `faults`."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except OSError as error:
        faults.append(InputRefused(f"cannot be read: {error.strerror}", file=str(path)))
        return
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        faults.append(InputRefused(f"is no YAML: {error}", file=str(path)))
        return
    for node in root.value if isinstance(root, yaml.SequenceNode) else [root]:
        if not isinstance(node, yaml.MappingNode):
            line = node.start_mark.line + 1 if node is not None else 1
            faults.append(InputRefused("give a list of `name: value` mappings", file=str(path), line=line))
            continue
        entry = {key.value: value.value for key, value in node.value if isinstance(value, yaml.ScalarNode)}
        found = [InputRefused(reason, file=str(path), line=node.start_mark.line + 1) for reason in check(entry)]
        faults.extend(found)
        if not found:
            yield entry


def _municipality_faults(entry: Entry) -> Iterator[str]:
    yield from _key_faults(entry, needed={"kommunekode", "name", "cvr", "region"}, allowed={"full_name"})
    if not re.fullmatch(r"[0-9]{4}", entry.get("kommunekode", "")):
        yield "kommunekode is four digits, in quotes"
    if not cvr.can_exist(entry.get("cvr", "")):
        yield f"cvr {entry.get('cvr')} cannot exist: its check sum is wrong"
    if entry.get("region") not in REGIONS:
        yield f"region is one of {', '.join(REGIONS)}"


def _unit_faults(entry: Entry) -> Iterator[str]:
    yield from _key_faults(entry, needed={"name", "invented_cvr", "region", "owned_from"}, allowed=set())
    number = entry.get("invented_cvr", "")
    if not re.fullmatch(r"[0-9]{8}", number) or cvr.can_exist(number):
        yield f"invented_cvr {number} must be eight digits that cannot belong to anybody"
    if entry.get("region") not in REGIONS:
        yield f"region is one of {', '.join(REGIONS)}"
    try:
        date.fromisoformat(entry.get("owned_from", ""))
    except ValueError:
        yield "owned_from is a date such as 2026-01-01"


def _key_faults(entry: Entry, *, needed: set[str], allowed: set[str]) -> Iterator[str]:
    for key in sorted(needed - set(entry)):
        yield f"{key} is missing"
    for key in sorted(set(entry) - needed - allowed):
        yield f"{key} is not known here"


def _repetitions(municipalities: Sequence[Municipality], units: Sequence[Unit]) -> Iterator[InputRefused]:
    for what, values in (
        ("name", [item.name for item in municipalities] + [item.name for item in units]),
        ("cvr", [item.cvr for item in municipalities] + [item.cvr for item in units]),
        ("kommunekode", [item.kommunekode for item in municipalities]),
    ):
        for value in sorted({value for value in values if values.count(value) > 1}):
            yield InputRefused(f"the {what} {value} is given twice")
