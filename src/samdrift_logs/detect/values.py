"""Numbers, instants and addresses as rules read them out of texts. None means: that is not one."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re

from samdrift_logs.detect.expressions import Network, Part

_NUMBER = re.compile(r"[+-]?[0-9]+(?P<rest>\.[0-9]+)?(?P<exponent>[eE][+-]?[0-9]{1,3})?", re.ASCII)
_FRACTION = re.compile(r"\.(\d{1,9})", re.ASCII)
_EPOCH_MILLISECONDS_FROM = 100_000_000_000
_LONGEST_NUMBER = 400

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def number_of(text: str) -> int | float | None:
    """Return the decimal number a text is, exactly where it is whole; None for anything else, hexadecimal included."""
    text = text.strip()
    found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if found is None:
        return None
    if found["rest"] is None and found["exponent"] is None:
        return int(text)
    return float(text)


def instant_of(text: str) -> dt.datetime | None:
    """Return the instant a text writes: ISO 8601, or a number of seconds (milliseconds from 1e11) since 1970.

    An offset is taken into account: parts are those of UTC. A text without an offset is taken as it stands.
    """
    number = number_of(text)
    try:
        if number is not None:
            seconds = number / 1000 if abs(number) >= _EPOCH_MILLISECONDS_FROM else number
            return dt.datetime.fromtimestamp(seconds, tz=dt.UTC)
        trimmed = _FRACTION.sub(lambda found: "." + found[1][:6].ljust(6, "0"), text.strip(), count=1)
        trimmed = trimmed.removesuffix(" UTC")
        instant = dt.datetime.fromisoformat(trimmed)
        return instant.astimezone(dt.UTC) if instant.tzinfo else instant
    except (ValueError, OverflowError, OSError):
        return None


def part_of(instant: dt.datetime, part: Part) -> int:
    """Return a part of an instant as a number; `week` is the ISO 8601 week, 1 to 53."""
    if part is Part.WEEK:
        return instant.isocalendar().week
    return int(getattr(instant, part.value))


def in_network(text: str, network: Network) -> bool:
    """Tell whether a text is an address within `network`. An IPv4 address written as IPv6 (::ffff:10.0.0.1) is both."""
    try:
        address: Address = ipaddress.ip_address(text.strip())
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address in network or (mapped is not None and mapped in network)
