#!/usr/bin/env python3
"""Evoke's one command line: `manage.py demo` starts everything on one machine, `manage.py help` lists the rest."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evoke.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Evoke is not installed in this Python. Run: python3 -m venv .venv && .venv/bin/pip install -e .")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
