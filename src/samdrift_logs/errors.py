"""The error tree of the log pipeline.

SamdriftError                 everything we raise on purpose; its text says what happened and what to do
├── ScopeMissing              a gate was asked without a Scope
├── ScopeRefused              the Scope does not cover the organisation or the purpose
├── InputRefused              content is wrong: carries where (file, line, column) and what to do
│   └── LineRejected          one log line cannot be taken; the batch goes on and the raw bytes are kept
└── StorageFailed             the disk or the store refused; nothing was acknowledged

Leaf classes stand next to the function that raises them.
"""

from __future__ import annotations


class SamdriftError(Exception):
    """Root of every error that Samdrift raises on purpose."""


class ScopeMissing(SamdriftError):
    """A gate was asked for data without a Scope. A programming error: fail closed, never guess."""


class ScopeRefused(SamdriftError):
    """The Scope at hand does not cover this organisation, or not for this purpose."""


class InputRefused(SamdriftError):
    """Content that cannot be taken, with its place."""

    def __init__(self, reason: str, *, file: str | None = None, line: int | None = None, column: int | None = None):
        self.reason = reason
        self.file = file
        self.line = line
        self.column = column
        place = ":".join(str(part) for part in (file, line, column) if part is not None)
        super().__init__(f"{place}: {reason}" if place else reason)


class LineRejected(InputRefused):
    """One log line cannot be taken. Reject the row, keep the batch and the raw bytes."""


class StorageFailed(SamdriftError):
    """The store refused (disk full, damaged file, lost folder). Nothing was acknowledged."""
