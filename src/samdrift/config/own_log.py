"""How Samdrift logs of itself: one JSON object a line on stderr, ISO time in UTC, tracebacks without local variables.

Locals hold requests, tickets and tokens; they must never reach a log file.
"""

from __future__ import annotations

import sys

import structlog


def configure() -> None:
    """Set structlog up for this process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
