"""The colours: every pair that meets on a page has the contrast that WCAG 2.1 AA asks for, in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import samdrift.web

STYLESHEET = Path(samdrift.web.__file__).parent / "static" / "web" / "samdrift.css"
CSS = STYLESHEET.read_text(encoding="utf-8")
TOKENS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(r"^\s+--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", CSS, re.MULTILINE)
}
STATES = ("quiet", "note", "good", "soon", "late")
GROUNDS = ("ground", "surface")
# (what stands in front, what lies behind): 1.4.3 asks 4.5 of text
TEXTS = [
    *((text, ground) for text in ("ink", "muted", "accent", *STATES) for ground in GROUNDS),
    *((state, f"{state}-tint") for state in STATES),
    *(("ink", f"{state}-tint") for state in STATES),
    *(("muted", f"{tint}-tint") for tint in ("quiet", "accent", "soon")),
    *((text, "accent-tint") for text in ("ink", "accent")),
    ("accent", "quiet-tint"),
    *((state, tint) for state in STATES for tint in ("quiet-tint", "accent-tint")),
    *((text, "sunken") for text in ("ink", "muted")),
    ("on-accent", "accent"),
    ("on-late", "late"),
    ("ink", "mark"),
]
# 1.4.11 asks 3 of what shows where a control is, and of charts
FRONTS = ("edge", "accent", *STATES)
EDGES = [*((front, behind) for front in FRONTS for behind in (*GROUNDS, "accent-tint", "quiet-tint"))]


def _luminance(colour: str) -> float:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(front: str, behind: str) -> float:
    """Return the contrast ratio by WCAG 2.1, from 1 to 21."""
    lighter, darker = sorted((_luminance(front), _luminance(behind)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "behind"), TEXTS)
def test_text_can_be_read(front: str, behind: str, theme: str) -> None:
    assert contrast(TOKENS[front][theme], TOKENS[behind][theme]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("edge", "behind"), EDGES)
def test_edges_can_be_seen(edge: str, behind: str, theme: str) -> None:
    assert contrast(TOKENS[edge][theme], TOKENS[behind][theme]) >= 3.0


def test_contrast_known_pairs() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


def test_every_colour_is_a_token() -> None:
    after_tokens = CSS.split("/* ---- ground */")[1].split("/* ---- print")[0]

    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", after_tokens) == []
    assert set(re.findall(r"var\(--([\w-]+)\)", CSS)) <= set(re.findall(r"--([\w-]+):", CSS))
