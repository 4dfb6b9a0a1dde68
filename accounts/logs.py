"""Logs without moods: what went wrong is written down by its kind of page, never by the page itself."""

import logging
from typing import Any


class WithoutPaths(logging.Filter):
    """Puts the pattern of an address (`mood/<slug:slug>/`) where Django's own loggers put the address."""

    def filter(self, record: logging.LogRecord) -> bool:
        request: Any = getattr(record, "request", None)
        path = getattr(request, "path", None)
        if path:
            match = getattr(request, "resolver_match", None)
            kind = match.route if match else "(no such page)"
            args = record.args if isinstance(record.args, tuple) else ()
            record.args = tuple(_without(arg, path, kind) for arg in args)
        return True


def _without(arg: Any, path: str, kind: str) -> Any:
    if isinstance(arg, str):
        return arg.replace(path, kind)
    return kind if isinstance(arg, Exception) and path in str(arg) else arg
