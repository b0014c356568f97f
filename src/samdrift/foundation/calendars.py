"""When service is open: weekly hours in local time, closed on holidays. Pure; instants come and go in UTC.

Hours are wall-clock hours of the calendar's zone, so a day may have 23 or 25 of them; what is measured is real time.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs
import holidays

DAY_MINUTES = 24 * 60
LONGEST_CLOSURE_DAYS = 366


class CalendarNeverOpen(ValueError):
    """The calendar has no opening hours within a year: nothing could ever become due."""


@attrs.frozen
class Hours:
    """Open from one minute of the day to another (exclusive; 1440 is midnight at the day's end)."""

    start: int
    end: int

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.start < self.end <= DAY_MINUTES:
            raise ValueError(f"hours run from 0 to 1440 minutes of the day, not {self.start} to {self.end}")


@attrs.frozen(kw_only=True)
class Holidays:
    """The days on which a country is closed, and days that agreements add (month, day, Danish name)."""

    country: str
    extra: tuple[tuple[int, int, str], ...] = ()

    def name_of(self, day: date) -> str | None:
        """Return the Danish name of the holiday on `day`, or None where it is an ordinary day."""
        public = _public_holidays(self.country, day.year).get(day)
        added = next((name for month, number, name in self.extra if (month, number) == (day.month, day.day)), None)
        return public or added


@functools.lru_cache(maxsize=256)
def _public_holidays(country: str, year: int) -> dict[date, str]:
    return dict(holidays.country_holidays(country, years=year, language="da").items())


@attrs.frozen(kw_only=True)
class OpenTime:
    """One stretch of open time on one local day."""

    day: date
    start: datetime
    end: datetime


@attrs.frozen(kw_only=True)
class Calendar:
    """Weekly opening hours, Monday first, in one zone, less holidays. A published calendar is never changed: a new
    version gets a new name."""

    name: str
    weekly: tuple[tuple[Hours, ...], ...] = attrs.field()
    closed_on: Holidays | None = None
    timezone: str = "Europe/Copenhagen"

    @weekly.validator
    def _check_weekly(self, attribute: object, value: tuple[tuple[Hours, ...], ...]) -> None:
        if len(value) != 7:
            raise ValueError(f"{self.name}: a week has seven days, Monday first; {len(value)} are given")
        for hours in value:
            if any(later.start < earlier.end for earlier, later in itertools.pairwise(hours)):
                raise ValueError(f"{self.name}: the hours of a day overlap or are not in order")

    def local_day(self, at: datetime) -> date:
        """Return the day it is at `at` where this calendar applies."""
        return at.astimezone(ZoneInfo(self.timezone)).date()

    def holiday(self, day: date) -> str | None:
        """Return the Danish name of the holiday on `day`, or None where this calendar does not close."""
        return self.closed_on.name_of(day) if self.closed_on else None

    def hours_of(self, day: date) -> tuple[Hours, ...]:
        """Return the opening hours of `day`; none on a holiday."""
        hours = self.weekly[day.weekday()]
        return () if hours and self.holiday(day) else hours

    def midnight(self, day: date) -> datetime:
        """Return the instant (UTC) at which `day` begins where this calendar applies."""
        return self._instant(day, 0)

    def open_times(self, since: datetime) -> Iterator[OpenTime]:
        """Yield the stretches of open time that end after `since`, in order, without end, in UTC.

        Raises CalendarNeverOpen after a year without any.
        """
        since = since.astimezone(UTC)
        day, closed_days = self.local_day(since), 0
        while True:
            for hours in self.hours_of(day):
                closed_days = 0
                start, end = self._instant(day, hours.start), self._instant(day, hours.end)
                if end > since and start < end:
                    yield OpenTime(day=day, start=max(start, since), end=end)
            day, closed_days = day + timedelta(days=1), closed_days + 1
            if closed_days > LONGEST_CLOSURE_DAYS:
                raise CalendarNeverOpen(f"the calendar {self.name} is not open within a year of {since:%Y-%m-%d}")

    def is_open(self, at: datetime) -> bool:
        """Tell whether service is open at this instant."""
        return next(self.open_times(at)).start == at.astimezone(UTC)

    def _instant(self, day: date, minute: int) -> datetime:
        carried, minute_of_day = divmod(minute, DAY_MINUTES)
        wall = time(minute_of_day // 60, minute_of_day % 60)
        local = datetime.combine(day + timedelta(days=carried), wall, tzinfo=ZoneInfo(self.timezone))
        return local.astimezone(UTC)


def weekdays(start: int, end: int) -> tuple[tuple[Hours, ...], ...]:
    """Return a week that is open Monday to Friday from one full hour to another."""
    return ((Hours(start * 60, end * 60),),) * 5 + ((), ())


# Municipalities close on these days too, by agreement; `holidays` leaves them out because they are no public holidays.
DANISH_CLOSING_DAYS = Holidays(
    country="DK", extra=((6, 5, "Grundlovsdag"), (12, 24, "Juleaftensdag"), (12, 31, "Nytårsaftensdag"))
)

DANISH_WEEKDAYS = Calendar(name="hverdage-8-16", weekly=weekdays(8, 16), closed_on=DANISH_CLOSING_DAYS)
DANISH_LONG_WEEKDAYS = Calendar(name="hverdage-7-17", weekly=weekdays(7, 17), closed_on=DANISH_CLOSING_DAYS)
ALWAYS = Calendar(name="24x7", weekly=((Hours(0, DAY_MINUTES),),) * 7)

CALENDARS: dict[str, Calendar] = {
    calendar.name: calendar for calendar in (DANISH_WEEKDAYS, DANISH_LONG_WEEKDAYS, ALWAYS)
}
