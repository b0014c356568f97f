"""What logs and people write, shown without being obeyed."""

from __future__ import annotations


def printable(text: str) -> str:
    """Replace what is no letter: escape sequences could rewrite what the terminal shows."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
