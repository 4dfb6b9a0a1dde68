"""What a source that is asked over the network hands out; a source is one file with one class in this folder.

Its header states the licence of what it gives, its rate limits, and whether it needs a key.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from gallery.collect.intake import Facts
from gallery.moods import Mood


class SourceUnreachable(Exception):
    """The source does not answer, or not with photographs; one sentence."""


class LimitReached(Exception):
    """The source's limits leave no more requests within the time that there is; one sentence."""


@dataclass(frozen=True)
class Candidate:
    """A photograph that may be fetched: where its file is, and what is said of it."""

    file_url: str
    facts: Facts


class Source(Protocol):
    """Candidates for a mood, by its words."""

    def candidates(self, mood: Mood) -> Iterator[Candidate]:
        """Photographs whose words name this mood and no other. Raises SourceUnreachable, LimitReached."""
        ...
