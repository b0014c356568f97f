"""The program `samdrift`: reads the environment once and passes frozen settings down."""

from __future__ import annotations

import os
import sys

from samdrift.config.settings import CONTENT, SettingRefused, Settings, read_settings


def start_django() -> None:
    """Set Django up in this process. Costs about half a second, so only commands that need it call this."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "samdrift.config.django_settings")
    import django

    django.setup()


def _settings() -> Settings:
    settings = read_settings(os.environ)
    # numba refuses to be imported without a writable cache folder, so this comes before anything that may import it.
    os.environ.setdefault("NUMBA_CACHE_DIR", str(settings.data / "numba"))
    return settings


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 the command line or a setting is wrong, 130 interrupted."""
    # Logs, tickets, keys and mail with reset links: what we write is for this account only.
    os.umask(0o077)
    from samdrift.cli import program
    from samdrift.cli.context import Context

    try:
        context = Context(read_settings=_settings, start_django=start_django, content=CONTENT)
        program.main(obj=context, prog_name="samdrift")
    except SettingRefused as error:
        sys.stderr.write(f"samdrift: {error}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
