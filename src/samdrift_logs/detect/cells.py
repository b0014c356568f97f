"""What a rule sees of one value: its texts as sent and folded. One Cell is made per distinct value, not per event."""

from __future__ import annotations

from typing import NamedTuple

from samdrift_logs.events import Value

_CAPITAL_SIGMA = "\N{GREEK CAPITAL LETTER SIGMA}"
_SMALL_SIGMA = "\N{GREEK SMALL LETTER SIGMA}"


def fold(text: str) -> str:
    """Return `text` without case, each character by itself.

    `str.lower` looks at the neighbours of one letter only, the Greek capital sigma; taking that out makes
    fold(a + b) == fold(a) + fold(b), which searching inside a value relies on.
    """
    if _CAPITAL_SIGMA in text:
        text = text.replace(_CAPITAL_SIGMA, _SMALL_SIGMA)
    return text.lower()


def canonical(name: str) -> str:
    """Return the name under which a field is found: without case and spaces ("Threat Name" is ThreatName)."""
    return fold(name).replace(" ", "")


Scalar = str | int | float | bool


def text_of(value: Scalar) -> str:
    """Return the text a scalar is compared as: 4688 is "4688", True is "true", 4688.0 is "4688"."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return str(int(value))
    return str(value)


class Cell(NamedTuple):
    """One distinct value. A list has several texts; null and the empty list have none."""

    value: Value
    texts: tuple[str, ...]
    folded: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """Return roughly what this cell costs in memory."""
        return 300 + 2 * sum(len(text) for text in self.texts)


def cell_of(value: Value) -> Cell:
    """Return the Cell of a value."""
    if type(value) is str and value.isascii():  # nearly all of them
        return Cell(value, (value,), (value.lower(),))
    texts = tuple(_texts(value))
    return Cell(value=value, texts=texts, folded=tuple(fold(text) for text in texts))


def _texts(value: Value) -> list[str]:
    if value is None:
        return []
    if isinstance(value, tuple):
        return [text for element in value for text in _texts(element)]
    return [_encodable(text_of(value))]


def _encodable(text: str) -> str:
    """Turn halves of surrogate pairs, which JSON can smuggle in, into U+FFFD, so that no search stops on them."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
