"""Plays the demo's story through the REST API, as the people in it, and checks that every step truly occurred.

Nothing here reaches into the system: it asks over HTTP, with tokens, what anybody else could ask.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from samdrift.cli.demo.federation import STRUCK, Federation, Person
from samdrift.federation.rules import Role

UNIT, OTHER_UNIT, OTHER_MUNICIPALITY = "Enhed Syd", "Enhed Midt", "Odense"
PATIENCE_S = 120.0
KINDS_OF_ATTACK = 6  # rules that the attack must have met before the case counts as whole


class StepFailed(Exception):
    """A step of the story did not occur as it should."""


@attrs.define
class Told:
    """What happened, when, and what it was worth."""

    started_at: dt.datetime
    steps: list[dict[str, Any]] = attrs.field(factory=list)
    failure: str = ""
    feeder: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def complete(self) -> bool:
        """Tell whether every step occurred."""
        return not self.failure and len(self.steps) == len(STORY)

    def document(self) -> dict[str, Any]:
        """Return the whole as one JSON document."""
        return {
            "complete": self.complete,
            "failure": self.failure,
            "started_at": self.started_at.isoformat(),
            "steps": self.steps,
            "feeder": dict(self.feeder),
        }

    def in_words(self) -> str:
        """Return one closing line for people."""
        if self.complete:
            return f"All {len(self.steps)} steps occurred."
        return f"Stopped at step {len(self.steps) + 1} of {len(STORY)}: {self.failure}"


def play(
    *,
    address: str,
    federation: Federation,
    feeder_report: Path,
    say: Callable[[str], None],
    stop: threading.Event,
) -> Told:
    """Play the story against a running system. Returns what happened; never raises for a step that fails."""
    told = Told(started_at=dt.datetime.now(dt.UTC))
    stage = _Stage(address, federation, feeder_report, stop)
    began = time.monotonic()
    for name, step in STORY:
        try:
            facts = step(stage)
        except (StepFailed, urllib.error.URLError, OSError, KeyError, IndexError) as error:
            told.failure = f"{name}: {error}"
            say(f"FAILED {told.failure}")
            break
        after_s = round(time.monotonic() - began, 1)
        told.steps.append({"step": name, "after_s": after_s, **facts})
        say(f"{after_s:6.1f} s  {name}: {_brief(facts)}")
    told.feeder = stage.feeder()
    return told


def _brief(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in facts.items() if isinstance(value, str | int | float))


@attrs.define
class _Voice:
    """One person at the API."""

    address: str
    person: Person

    def get(self, path: str, **query: Any) -> Any:
        asked = urllib.parse.urlencode({key: value for key, value in query.items() if value is not None}, doseq=True)
        return self._ask("GET", f"{path}?{asked}" if asked else path, None)

    def post(self, path: str, **given: Any) -> Any:
        return self._ask("POST", path, given)

    def status(self, path: str) -> int:
        """Return the status of a GET, whatever it is."""
        try:
            self.get(path)
        except _Answered as answered:
            return answered.status
        return 200

    def _ask(self, method: str, path: str, given: Mapping[str, Any] | None) -> Any:
        request = urllib.request.Request(
            f"{self.address}/api/v1{path}",
            method=method,
            data=json.dumps(given).encode() if given is not None else None,
            headers={"Authorization": f"Bearer {self.person.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise _Answered(error.code, f"{method} {path}: {error.code} {error.read().decode()[:500]}") from error


class _Answered(StepFailed):
    """The API answered with an error."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


class _Stage:
    """The people, and what they have found so far."""

    def __init__(self, address: str, federation: Federation, feeder_report: Path, stop: threading.Event):
        def voice(organisation: str, role: Role, mailbox: str | None = None) -> _Voice:
            return _Voice(address, federation.person(organisation, role, mailbox=mailbox))

        self.analyst = voice(UNIT, Role.ANALYST)
        self.second_line = voice(UNIT, Role.SECOND_LINE_AGENT, "drift")
        self.spoc = voice(STRUCK, Role.SPOC_AGENT)
        self.ciso = voice(STRUCK, Role.CISO)
        self.stranger = voice(OTHER_MUNICIPALITY, Role.CISO)
        self.other_unit = voice(OTHER_UNIT, Role.ANALYST)
        self.other_spoc = voice(OTHER_MUNICIPALITY, Role.SPOC_AGENT)
        self.feeder_report = feeder_report
        self.stop = stop
        self.case: dict[str, Any] = {}
        self.ticket: dict[str, Any] = {}

    def wait_for(self, what: str, look: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
        """Return what `look` finds as soon as it finds something. Raises StepFailed when it does not in time."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if found := look():
                return found
            if self.stop.wait(0.3):
                raise StepFailed("stopped")
        raise StepFailed(f"{what} did not happen within {patience_s:.0f} s")

    def feeder(self) -> dict[str, Any]:
        """Return what the feeder says of itself."""
        try:
            found: dict[str, Any] = json.loads(self.feeder_report.read_text())
        except (OSError, ValueError):
            return {}
        return found


def _require(condition: object, what: str) -> None:
    if not condition:
        raise StepFailed(what)


# ---- the steps


def _logs_arrive(stage: _Stage) -> dict[str, Any]:
    def look() -> Any:
        sums = stage.analyst.get("/ledger")["items"]
        stored = {entry["organisation_name"] for entry in sums if entry["stored"]}
        return sums if {STRUCK, OTHER_MUNICIPALITY} <= stored else None

    sums = stage.wait_for("logs of two municipalities in the lake", look)
    return {
        "received": sum(entry["received"] for entry in sums),
        "stored": sum(entry["stored"] for entry in sums),
        "sources": len(sums),
    }


def _first_alert(stage: _Stage) -> dict[str, Any]:
    found = stage.wait_for("an alert", lambda: stage.analyst.get("/alerts", level="medium")["items"])
    first = found[-1]
    _require(first["organisation_name"] == STRUCK, f"the first alert is {first['organisation_name']}'s")
    delay = dt.datetime.fromisoformat(first["recorded_at"]) - dt.datetime.fromisoformat(first["received_at"])
    return {"title": first["title"], "level": first["level"], "host": first["host"], "delay_s": delay.total_seconds()}


def _case_opens(stage: _Stage) -> dict[str, Any]:
    cases = stage.wait_for("a case", lambda: stage.analyst.get("/cases")["items"])
    ours = [case for case in cases if case["organisation_name"] == STRUCK]
    _require(ours, f"no case is about {STRUCK}")
    stage.case = ours[0]
    _require(stage.case["handler_name"] == UNIT, f"the case is handled by {stage.case['handler_name']}")
    return {"number": stage.case["number"], "handler": stage.case["handler_name"], "place": stage.case["place"]}


def _ticket_opens(stage: _Stage) -> dict[str, Any]:
    def look() -> Any:
        return [row for row in stage.second_line.get("/tickets")["items"] if row["municipality_name"] == STRUCK]

    row = stage.wait_for("a ticket at the unit", look)[0]
    page = stage.second_line.get(f"/tickets/{row['id']}")
    stage.ticket = page["ticket"]
    legs = {leg["part"]: leg for leg in page["legs"]}
    _require({"holder", "follower"} <= set(legs), f"the ticket has the legs {sorted(legs)}")
    _require(legs["holder"]["organisation_name"] == UNIT, "the unit does not hold the ticket")
    _require(legs["follower"]["organisation_name"] == STRUCK, "the municipality's SPOC does not follow")
    clocks = {part: legs[part]["clocks"] for part in ("holder", "follower")}
    _require(all(clocks.values()), "a leg has no clock")
    _require(all(clock["due_at"] for own in clocks.values() for clock in own), "a clock has no deadline")
    seen = stage.spoc.get(f"/tickets/{row['id']}")["ticket"]
    _require(seen["number"] == row["number"], "the SPOC does not see the ticket")
    return {
        "number": row["number"],
        "priority": row["priority"],
        "legs": [
            {
                "part": part,
                "team": legs[part]["team_name"],
                "organisation": legs[part]["organisation_name"],
                "clocks": [
                    {key: clock[key] for key in ("metric", "minutes", "calendar", "due_at")} for clock in clocks[part]
                ],
            }
            for part in ("holder", "follower")
        ],
    }


def _clock_explained(stage: _Stage) -> dict[str, Any]:
    clock = stage.ticket["clock"]
    page = stage.second_line.get(f"/tickets/clocks/{clock['id']}")
    _require(page["origin"] and page["target_minutes"], "the clock does not say where its target comes from")
    return {"metric": clock["metric"], "due_at": clock["due_at"], "origin": page["origin"]}


def _attack_unfolds(stage: _Stage) -> dict[str, Any]:
    def look() -> Any:
        page = stage.analyst.get(f"/cases/{stage.case['id']}")
        return page if len(page["kinds"]) >= KINDS_OF_ATTACK else None

    page = stage.wait_for(f"a case with {KINDS_OF_ATTACK} kinds of alert", look)
    tags = sorted({tag for kind in page["kinds"] for tag in kind["tags"] if tag.startswith("attack.t")})
    return {"alerts": page["case"]["alert_count"], "level": page["case"]["level"], "techniques": tags}


def _analyst_reads(stage: _Stage) -> dict[str, Any]:
    page = stage.analyst.post(f"/cases/{stage.case['id']}/take")
    _require(page["case"]["assignee_name"] == stage.analyst.person.name, "the case was not taken")
    read = stage.analyst.get(f"/alerts/{page['alerts'][0]['id']}")
    _require(read["event"], "the alert has no copy of its event")
    event_id = page["alerts"][0]["event_id"]
    event = stage.wait_for(
        "the event in the lake", lambda: _found(lambda: stage.analyst.get(f"/logs/events/{event_id}")), 60
    )
    _require(event["raw"], "the event has no raw line")
    return {"event": event_id, "rule": page["alerts"][0]["title"], "matched": list(read["matched"])}


def _found(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except _Answered as answered:
        if answered.status == 404:
            return None
        raise


def _analyst_searches(stage: _Stage) -> dict[str, Any]:
    query = f'host:"{stage.case["place"]}" AND vssadmin'

    found = stage.wait_for(
        "the deletion of shadow copies in the lake", lambda: stage.analyst.get("/logs", q=query)["items"]
    )
    histogram = stage.analyst.get("/logs/histogram", q=f'host:"{stage.case["place"]}"')
    _require(histogram["total"] >= len(found), "the histogram counts less than the search finds")
    return {"query": query, "hits": len(found), "events_of_host": histogram["total"]}


def _analyst_decides(stage: _Stage) -> dict[str, Any]:
    path = f"/cases/{stage.case['id']}"
    stage.analyst.post(f"{path}/decisions", text="Serveren tages af nettet, adgangskoden spærres: aktivt angreb.")
    page = stage.analyst.post(f"{path}/state", state="contained", reason="Serveren er isoleret.")
    return {"state": page["case"]["state"]}


def _second_line_works(stage: _Stage) -> dict[str, Any]:
    path = f"/tickets/{stage.ticket['id']}"
    accepted = stage.second_line.post(f"{path}/accept")
    _require(accepted["ticket"]["holder_accepted"], "the ticket was not accepted")
    stage.second_line.post(f"{path}/messages", body="Vi har isoleret serveren og genskaber den fra i nat. Nyt kl. 14.")
    secret = "Internt: husk leverandøren af backup."  # noqa: S105 - a note, not a password
    stage.second_line.post(f"{path}/messages", body=secret, internal=True)
    seen = json.dumps(stage.spoc.get(path), ensure_ascii=False)
    _require("genskaber" in seen, "the SPOC does not read the message")
    _require("Internt: husk" not in seen, "the SPOC reads an internal note")
    return {"state": accepted["ticket"]["state"]}


def _hand_over(stage: _Stage) -> dict[str, Any]:
    path = f"/tickets/{stage.ticket['id']}"
    organisation = stage.ticket["unit"]
    teams = stage.second_line.get("/tickets/teams", organisation=organisation)
    onsite = next(team for team in teams if team["line"] == "onsite")
    stage.second_line.post(
        f"{path}/hand-over",
        team=onsite["id"],
        what_is_wrong="Serveren er ramt af et angreb og skal geninstalleres på stedet.",
        who_is_hit="Alle, der bruger fællesdrevet.",
        tried_so_far="Isoleret fra nettet, adgangskoder spærret.",
        contact="Vagten, lokal 112",
    )
    page = stage.second_line.post(f"{path}/accept")
    _require(page["ticket"]["holder_team"] == onsite["name"], f"{page['ticket']['holder_team']} holds the ticket")
    legs = [leg for leg in page["legs"] if leg["part"] in {"holder", "receiver"}]
    _require(len(legs) >= 2, "the hand-over made no leg of its own")
    return {"team": onsite["name"], "legs": len(page["legs"])}


def _spoc_answers(stage: _Stage) -> dict[str, Any]:
    path = f"/tickets/{stage.ticket['id']}"
    page = stage.spoc.post(f"{path}/messages", body="Brugerne er varslet. Giv besked, når drevet er tilbage.")
    own = [clock for leg in page["legs"] if leg["part"] == "follower" for clock in leg["clocks"]]
    _require(any(clock["outcome"] == "met" for clock in own), "the SPOC's clock did not stop as met")
    return {"outcomes": [clock["outcome"] for clock in own]}


def _resolve_and_close(stage: _Stage) -> dict[str, Any]:
    path = f"/tickets/{stage.ticket['id']}"
    stage.second_line.post(f"{path}/resolve", resolution="Serveren er geninstalleret og data genskabt fra i nat.")
    page = stage.spoc.post(f"{path}/close")
    _require(page["ticket"]["state"] == "closed", f"the ticket is {page['ticket']['state']}")
    case = stage.analyst.post(
        f"/cases/{stage.case['id']}/close",
        classification="true_positive",
        reason="Bekræftet angreb; stoppet før kryptering.",
    )
    _require(case["case"]["state"] == "closed", f"the case is {case['case']['state']}")
    told = stage.wait_for(
        "the case's timeline telling of its ticket",
        lambda: [
            entry for entry in stage.analyst.get(f"/cases/{stage.case['id']}")["entries"] if entry["kind"] == "ticket"
        ],
        30,
    )
    outcomes = [clock["outcome"] for leg in page["legs"] for clock in leg["clocks"]]
    return {"ticket": page["ticket"]["state"], "case": case["case"]["state"], "clocks": outcomes, "told": len(told)}


def _others_see_nothing(stage: _Stage) -> dict[str, Any]:
    case, ticket = stage.case["id"], stage.ticket["id"]
    for voice, path in (
        (stage.stranger, f"/cases/{case}"),
        (stage.other_unit, f"/cases/{case}"),
        (stage.other_spoc, f"/tickets/{ticket}"),
    ):
        _require(voice.status(path) == 404, f"{voice.person.organisation} reaches {path}")
    for voice in (stage.stranger, stage.other_unit):
        _require(voice.get("/alerts", level="medium")["total"] == 0, f"{voice.person.organisation} sees alerts")
        hits = voice.get("/logs", q=f'"{stage.case["place"]}"')["items"]
        _require(not hits, f"{voice.person.organisation} finds the server's logs")
    _require(stage.stranger.status("/tickets") == 403, "a CISO reads tickets")
    return {"asked": "another municipality, another unit, another SPOC", "found": 0}


def _looks_are_written_down(stage: _Stage) -> dict[str, Any]:
    chain = stage.ciso.get("/audit", limit=300)
    looks = [entry for entry in chain if entry["action"].startswith("soc.logs.")]
    _require(any("vssadmin" in entry["after"] for entry in looks), "the analyst's search is not in the audit chain")
    return {"entries": len(chain), "looks_into_our_logs": len(looks)}


def _ledger_closes(stage: _Stage) -> dict[str, Any]:
    def look() -> Any:
        acknowledged = sum(
            feed["acknowledged"] for feed in stage.feeder().get("feeds", []) if feed["municipality"] == STRUCK
        )
        sums = [entry for entry in stage.analyst.get("/ledger")["items"] if entry["organisation_name"] == STRUCK]
        received = sum(entry["received"] for entry in sums)
        settled = sum(entry["stored"] + entry["rejected"] + entry["duplicate"] for entry in sums)
        return sums if acknowledged and received >= acknowledged and settled >= acknowledged else None

    sums = stage.wait_for("every acknowledged line in the ledger as stored, rejected or duplicate", look, 60)
    _require(not any(entry["missing"] for entry in sums), "the ledger does not add up")
    return {
        key: sum(entry[key] for entry in sums) for key in ("received", "stored", "rejected", "duplicate", "missing")
    }


STORY: Sequence[tuple[str, Callable[[_Stage], dict[str, Any]]]] = (
    ("logs arrive and are stored", _logs_arrive),
    ("a rule sees the attack", _first_alert),
    ("a case opens at the unit that runs the server", _case_opens),
    ("a ticket opens at 2nd line with the SPOC following, each with a clock", _ticket_opens),
    ("a clock says why it is due when it is", _clock_explained),
    ("the attack unfolds in one case", _attack_unfolds),
    ("the analyst takes the case and reads the event behind it", _analyst_reads),
    ("the analyst searches around it in the lake", _analyst_searches),
    ("the analyst decides and contains", _analyst_decides),
    ("2nd line accepts and answers; a note stays inside", _second_line_works),
    ("2nd line hands over to the on-site team", _hand_over),
    ("the SPOC answers and its clock is met", _spoc_answers),
    ("the ticket is resolved and closed, and the case", _resolve_and_close),
    ("other municipalities and units see nothing of it", _others_see_nothing),
    ("the municipality sees who looked into its logs", _looks_are_written_down),
    ("the ledger closes", _ledger_closes),
)
