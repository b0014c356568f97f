"""What the crash test of the whole platform asks of its database, in a process of its own.

    python -m tests.crash.installation seed|await-quiet|tell      (the installation: SAMDRIFT_DATA)

`seed` makes one unit and one municipality with a log source each for two streams and prints their tokens. `await-quiet`
returns when no fact waits to be handed out. `tell` prints the alerts, cases, tickets and deliveries as one JSON
document.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections.abc import Sequence

from samdrift.config.entry import CONTENT, start_django

STREAMS = ("AD-servere", "Medarbejder-pc'er")
QUIET_WITHIN_S = 120.0


def seed() -> dict[str, object]:
    from django.db import transaction
    from django.utils import timezone

    from samdrift.catalogue import operations as catalogue
    from samdrift.federation import operations as federation
    from samdrift.federation.rules import Kind, Line
    from samdrift.soc import operations as soc

    at, first_day = timezone.now(), dt.date(2026, 1, 1)
    with transaction.atomic():
        unit = federation.onboard_organisation(
            kind=Kind.UNIT, name="Enhed Syd", short_name="Enhed Syd", cvr="00000003", cvr_invented=True, at=at
        )
        town = federation.onboard_organisation(
            kind=Kind.MUNICIPALITY,
            name="Odense Kommune",
            short_name="Odense",
            cvr="35209115",
            kommunekode="0461",
            at=at,
        )
        federation.begin_ownership(unit=unit, municipality=town, from_date=first_day, at=at)
        federation.add_team(organisation=unit, name="2. linje drift", line=Line.SECOND, at=at)
        federation.add_team(organisation=town, name="SPOC", line=Line.FIRST, at=at)
        catalogue.publish_catalogue(folder=CONTENT / "catalogue", at=at)
        offering = catalogue.offer_service(
            unit=unit, slug="server-operation", municipalities=[town], from_date=first_day, at=at
        )
        subscription = catalogue.subscribe(
            municipality=town, offering=offering, level_class="gold", from_date=first_day, at=at
        )
        soc.prepare_lake(organisation=town)
        tokens = [
            soc.register_source(
                organisation=town,
                name=name,
                source_type="winlogbeat",
                subscription=subscription,
                with_token=True,
                at=at,
            ).token
            for name in STREAMS
        ]
    return {"unit": str(unit), "municipality": str(town), "tokens": tokens}


def await_quiet() -> None:
    """Return when every fact is handed out and no delivery waits. Raises TimeoutError."""
    from samdrift.foundation.models import Delivery, Fact

    give_up_at = time.monotonic() + QUIET_WITHIN_S
    while Fact.objects.filter(dispatched_at=None).exists() or Delivery.objects.filter(state="waiting").exists():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"facts still wait after {QUIET_WITHIN_S:g} s")
        time.sleep(0.3)


def tell() -> dict[str, object]:
    from django.db.models import Count

    from samdrift.foundation.models import Delivery, Fact
    from samdrift.processes.models import CaseTicket
    from samdrift.soc.models import Alert, Case, CaseEntry
    from samdrift.support.models import Leg, Ticket

    told = Fact.objects.filter(name="soc.alerts.recorded")
    return {
        "alerts": [
            {"id": alert.pk, "rule": alert.rule_id, "event": alert.event_id, "host": alert.host, "case": alert.case_id}
            for alert in Alert.objects.all()
        ],
        "alerts_told": sum(fact.payload["alerts"] for fact in told),
        "cases": [
            {"id": case.pk, "number": case.number, "place": case.place_key, "alerts": case.alert_count}
            for case in Case.objects.all()
        ],
        "cases_told": [fact.payload["case"] for fact in Fact.objects.filter(name="soc.case.opened")],
        "tickets": list(Ticket.objects.values_list("pk", flat=True)),
        "legs": list(Leg.objects.values_list("ticket", flat=True)),
        "links": [{"case": link.case_id, "ticket": link.ticket_id} for link in CaseTicket.objects.all()],
        "tickets_in_timelines": [
            entry.facts["ticket"] for entry in CaseEntry.objects.filter(origin__isnull=False)
            if entry.facts.get("what") == "opened"
        ],
        "deliveries": dict(
            Delivery.objects.order_by().values("state").annotate(n=Count("id")).values_list("state", "n")
        ),
        "not_handed_out": Fact.objects.filter(dispatched_at=None).count(),
    }  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    start_django()
    from django.utils import timezone

    from samdrift.federation import boundary
    from samdrift.foundation import scoped

    [command] = arguments
    scope = boundary.everyone(reason="crash test", actor="test", at=timezone.now())
    with scoped.entered(scope):
        answer = {"seed": seed, "await-quiet": await_quiet, "tell": tell}[command]()
    sys.stdout.write(json.dumps(answer, default=str))


if __name__ == "__main__":
    main(sys.argv[1:])
