"""Photographs of which an imported version of the data set holds no bytes: `manage.py crawl dataset` fetches them.

It is asked nothing: `manage.py import_dataset` has written its candidates, with the addresses that the version tells.
Licence: as the version states it for each. No key; the hosts' robots.txt is obeyed like everywhere.
"""

from typing import Any

from gallery.collect.sources.base import Answer, Query
from gallery.moods import Mood

NAME = "dataset"


class Dataset:
    """A source without pages: all that it knows is in the rows of its crawl."""

    name = NAME
    window = 1
    searches_titles = False

    def check(self) -> list[str]:
        return []

    def queries(self, mood: Mood, since: int, until: int) -> list[Query]:
        return []

    def search(self, query: Query, page: int) -> Answer:
        return Answer([], last=True)

    def split(self, query: Query, total: int) -> list[Query]:
        return []

    def content(self, candidate_url: str) -> bytes | None:
        return None


def open_source(options: dict[str, Any]) -> Dataset:
    return Dataset()
