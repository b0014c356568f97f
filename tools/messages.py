"""Extract message ids and compile message catalogues, with Python packages alone (no msgfmt, no xgettext).

python tools/messages.py extract    bring locale/*/LC_MESSAGES/django.po up to date (needs Babel)
python tools/messages.py compile    write the .mo files that Django reads
"""

from __future__ import annotations

import ast
import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src" / "samdrift"
PIPELINE = ROOT / "src" / "samdrift_logs" / "search"
LOCALE = SOURCES / "locale"
TEMPLATES = (".html", ".txt")
# Babel's way of saying which arguments are what: (1, "c") is a context, a pair of numbers singular and plural.
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def extract() -> polib.POFile:
    """Return every message id in the platform's Python and templates, without translations, in order of the id."""
    found: dict[tuple[str, str], polib.POEntry] = {}
    for path in sorted(SOURCES.rglob("*")):
        if (path.suffix == ".py" or path.suffix in TEMPLATES) and path.parent.name != "migrations":
            for entry in _messages(path):
                known = found.setdefault((entry.msgctxt or "", entry.msgid), entry)
                _merge(known, entry)
    for path in sorted(PIPELINE.rglob("*.py")):
        for entry in _constants(path):
            found.setdefault(("", entry.msgid), entry)
    catalogue = polib.POFile(check_for_duplicates=True)
    catalogue.extend(found[key] for key in sorted(found))
    return catalogue


def _constants(path: Path) -> Iterator[polib.POEntry]:
    """Yield the texts of a module's tuple MESSAGES: the log pipeline does not translate, so the pages do it for it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "MESSAGES" for target in node.targets):
            place = path.relative_to(ROOT).as_posix()
            for text in ast.literal_eval(node.value):
                yield polib.POEntry(msgid=text, occurrences=[(place, "")])


def _merge(known: polib.POEntry, entry: polib.POEntry) -> None:
    known.msgid_plural = known.msgid_plural or entry.msgid_plural
    known.occurrences = sorted({*known.occurrences, *entry.occurrences})
    known.flags = sorted({*known.flags, *entry.flags})


def _messages(path: Path) -> Iterator[polib.POEntry]:
    """Yield the messages of one file. Files are named without line numbers, so that the catalogue changes little."""
    from babel.messages.extract import extract as read_messages

    source = path.read_text(encoding="utf-8")
    if path.suffix in TEMPLATES:
        source = _as_python(source)
    place = path.relative_to(ROOT).as_posix()
    options = {"encoding": "utf-8"}
    read = read_messages("python", io.BytesIO(source.encode()), keywords=KEYWORDS, comment_tags=(), options=options)
    for _line, message, _comments, context in read:
        singular, plural = message if isinstance(message, tuple) else (message, "")
        if singular:
            flags = ["python-format"] if "%(" in singular or "%(" in plural else []
            yield polib.POEntry(
                msgctxt=context, msgid=singular, msgid_plural=plural, occurrences=[(place, "")], flags=flags
            )


def _as_python(source: str) -> str:
    """Return a template as the calls of gettext that it makes. Django's own reading of its templates."""
    from django.conf import settings
    from django.utils.translation.template import templatize

    if not settings.configured:
        settings.configure()
    # In parentheses, the white space of the page is no indentation to Python's tokenizer.
    return f"(\n{templatize(source)}\n)"


def update(path: Path, found: polib.POFile) -> tuple[int, int]:
    """Bring one catalogue up to date with `found`: keep translations, add what is new, drop what is gone.

    Returns how many messages it has and how many of them want a translation.
    """
    catalogue = polib.pofile(str(path), wrapwidth=120) if path.exists() else _empty(path)
    known = {(entry.msgctxt or "", entry.msgid): entry for entry in catalogue}
    fresh = polib.POFile(wrapwidth=120)
    fresh.metadata = catalogue.metadata
    for entry in found:
        old = known.get((entry.msgctxt or "", entry.msgid))
        if entry.msgid_plural:
            kept = old.msgstr_plural if old is not None and old.msgid_plural else {}
            entry.msgstr_plural = {form: kept.get(form, "") for form in (0, 1)}
        else:
            entry.msgstr = old.msgstr if old is not None else ""
        fresh.append(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh.save(str(path))
    return len(fresh), len(fresh.untranslated_entries())


def _empty(path: Path) -> polib.POFile:
    catalogue = polib.POFile(wrapwidth=120)
    catalogue.metadata = {
        "Project-Id-Version": "samdrift",
        "Language": path.parent.parent.name,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    return catalogue


def compile_catalogues() -> int:
    """Write a .mo beside every .po, whole or not at all. Returns how many."""
    catalogues = sorted(LOCALE.glob("*/LC_MESSAGES/*.po"))
    for path in catalogues:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            file.write(polib.pofile(str(path)).to_binary())
        Path(file.name).replace(path.with_suffix(".mo"))
        path.with_suffix(".mo").chmod(0o644)
    return len(catalogues)


def main(arguments: list[str]) -> int:
    if arguments == ["compile"]:
        sys.stdout.write(f"{compile_catalogues()} message catalogue(s) compiled\n")
        return 0
    if arguments == ["extract"]:
        path = LOCALE / "da" / "LC_MESSAGES" / "django.po"
        total, wanting = update(path, extract())
        sys.stdout.write(f"{path.relative_to(ROOT)}: {total} messages, {wanting} without a translation\n")
        return 0
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
