"""Danish words found however they are spelt: aa and å, ae and æ, oe and ø, accents and case are one.

Odense's "Ærø" is found by "aeroe", "ærø" and "AERØ". SQLite's unicode61 tokenizer does not do this.
"""

from __future__ import annotations

import unicodedata

_SPELT_OUT = {"å": "aa", "æ": "ae", "ø": "oe", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "đ": "d", "ð": "d"}


def fold(text: str) -> str:
    """Return `text` as it is compared: lower case, Danish letters spelt out, no accents, single spaces."""
    composed = unicodedata.normalize("NFC", text).lower()
    spelt = "".join(_SPELT_OUT.get(letter, letter) for letter in composed)
    plain = "".join(letter for letter in unicodedata.normalize("NFD", spelt) if not unicodedata.combining(letter))
    return " ".join(plain.split())
