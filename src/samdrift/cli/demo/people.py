"""Who works in a municipality: invented accounts with Danish names, the same ones for the same seed.

Names are common Danish given names and surnames combined by chance; nobody is meant.
"""

from __future__ import annotations

import random
import zlib
import zoneinfo

import attrs

HERE = zoneinfo.ZoneInfo("Europe/Copenhagen")  # the zone in which senders write local time
_GIVEN = [
    "Anne",
    "Søren",
    "Mette",
    "Lars",
    "Kirsten",
    "Jørgen",
    "Hanne",
    "Niels",
    "Åse",
    "Bjørn",
    "Gitte",
    "Henrik",
    "Bodil",
    "Jens",
    "Sørine",
    "Torben",
    "Lærke",
    "Mikkel",
    "Solveig",
    "Rasmus",
    "Ingrid",
    "Claus",
    "Dorthe",
    "Kåre",
    "Maja",
    "Frederik",
    "Gøran",
    "Camilla",
    "Esben",
    "Åge",
    "Nynne",
    "Peter",
    "Signe",
    "Thøger",
    "Ulla",
    "Viggo",
    "Asger",
    "Birthe",
]
_FAMILY = [
    "Nielsen",
    "Jensen",
    "Hansen",
    "Sørensen",
    "Møller",
    "Kjær",
    "Ågård",
    "Østergaard",
    "Bæk",
    "Lund",
    "Nørgaard",
    "Holm",
    "Skov",
    "Damgård",
    "Thøgersen",
    "Præst",
    "Krogh",
    "Vestergård",
    "Dahl",
    "Løkke",
    "Brandt",
    "Sønderby",
    "Ravn",
    "Friis",
    "Lindø",
    "Mørch",
    "Aagaard",
    "Birk",
    "Færch",
    "Hjorth",
]
_ASCII = str.maketrans({"æ": "ae", "ø": "oe", "å": "aa", "Æ": "Ae", "Ø": "Oe", "Å": "Aa"})


@attrs.frozen(kw_only=True)
class Person:
    """One employee: the account name (some keep æøå in it), the full name and the computer."""

    account: str
    name: str
    computer: str


@attrs.frozen(kw_only=True)
class Municipality:
    """One municipality's invented network, made from its name alone.

    `network` is the second octet of its 10.x.0.0/16; `netbios` the Windows domain's short name.
    """

    name: str
    slug: str
    netbios: str
    domain: str
    network: int
    people: tuple[Person, ...]
    sid: str

    def address_of(self, host: str) -> str:
        """Return the inside address of a host, always the same."""
        number = zlib.crc32(host.encode())
        return f"10.{self.network}.{1 + number % 60}.{10 + (number >> 8) % 240}"


def slug_of(name: str) -> str:
    """Return a municipality's name as it stands in host names: `Ærø` is aeroe."""
    return "".join(letter for letter in name.translate(_ASCII).lower() if letter.isalnum() or letter == "-")


def make_municipality(name: str, *, seed: int, employees: int = 120) -> Municipality:
    """Return the municipality's invented people and network. The same name and seed give the same."""
    chance = random.Random(f"{seed}/{name}")
    slug = slug_of(name)
    people: dict[str, Person] = {}
    while len(people) < employees:
        given, family = chance.choice(_GIVEN), chance.choice(_FAMILY)
        account = (given[:2] + family[:2]).lower()
        if chance.random() < 0.85:
            account = account.translate(_ASCII)
        account += f"{chance.randrange(10, 100)}" if account in people else ""
        number = len(people) + 1001
        people[account] = Person(account=account, name=f"{given} {family}", computer=f"{slug[:6].upper()}-PC{number}")
    numbers = "-".join(str(chance.randrange(10**8, 4 * 10**9)) for _ in range(3))
    return Municipality(
        name=name,
        slug=slug,
        netbios=slug[:15].upper(),
        domain=f"{slug}.example",
        network=16 + zlib.crc32(name.encode()) % 200,
        people=tuple(people.values()),
        sid=f"S-1-5-21-{numbers}",
    )
