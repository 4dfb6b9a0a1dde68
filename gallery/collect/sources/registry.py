"""Sources by name: a module of this folder that has an `open_source(options)` is one."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from gallery.collect import sources
from gallery.collect.sources.base import Source, SourceRefused


def source_names() -> list[str]:
    """What can be crawled, by name."""
    names = [module.name for module in iter_modules(sources.__path__)]
    return [name for name in names if hasattr(import_module(f"{sources.__name__}.{name}"), "open_source")]


def open_source(name: str, options: dict[str, Any]) -> Source:
    """The source of this name. Raises SourceRefused, also where it lacks what it needs (a key, a folder)."""
    if name not in source_names():
        raise SourceRefused(f"There is no source {name}; there are {', '.join(source_names())}.")
    source: Source = import_module(f"{sources.__name__}.{name}").open_source(options)
    return source
