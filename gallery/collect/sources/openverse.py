"""Openverse: openly licensed photographs of many collections, without a key.

API: https://api.openverse.org/v1/ ; licence: stated per photograph, Creative Commons or public domain. Without a key:
20 results a page (more is answered by 401, which means "ask for less"), 240 results a query, 20 requests a minute and
200 a day. What is left is read from the X-RateLimit headers; 429 says with Retry-After when to come back. A query that
holds more is cut by licence, then by shape, then by size. It tells no upload dates, so a crawl's span is not asked for.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
from django.conf import settings
from django.utils import timezone

from gallery.collect.intake import Facts
from gallery.collect.quota import Bucket, Limit, take_any
from gallery.collect.sources.base import Answer, Candidate, LimitReached, Query, SourceUnreachable
from gallery.collect.sources.client import open_client, persist, read_json, retry_after
from gallery.moods import Mood

FREE = "cc0,pdm,by"
EVERY = "cc0,pdm,by,by-sa,by-nc,by-nc-sa,by-nd,by-nc-nd"
PAGE_SIZE = 20
WINDOW = 240  # results that a query gives
SPARE = 1  # requests left to the caller in each window, never used up
LIMIT = Limit(calls=1200, seconds=60.0, burst=600)  # a courtesy: the headers tell the real ones, which may change
RESTS = {"burst": 60.0, "sustained": 3600.0}  # seconds to wait where a window is used up and the end is not told
SHAPES = ("tall", "wide", "square")
SIZES = ("small", "medium", "large")


@dataclass
class Openverse:
    """The API. A request and its further tries take `patience` seconds at most."""

    client: httpx.Client
    licences: str = FREE
    page_size: int = PAGE_SIZE
    patience: float = 60.0
    name: str = "openverse"
    window: int = WINDOW
    searches_titles: bool = True
    bucket: Bucket = field(init=False)

    def __post_init__(self) -> None:
        self.bucket = Bucket(self.name, "", LIMIT)

    def check(self) -> list[str]:
        """There is no key to be refused, and licences come by name."""
        return []

    def queries(self, mood: Mood, since: int, until: int) -> list[Query]:
        return [Query(mood.slug, word) for word in mood.synonyms]

    def search(self, query: Query, page: int) -> Answer:
        answer = persist(lambda: self._ask(query, page), self.patience)
        results = answer.get("results")
        records = [result for result in results if isinstance(result, dict)] if isinstance(results, list) else []
        usable = [record for record in records if record.get("id")]
        pages, total = answer.get("page_count"), answer.get("result_count")
        done = Answer(
            [_candidate(record, query.mood) for record in usable],
            marks=[(str(record.get("id")), None) for record in records],
            total=total if isinstance(total, int) else None,
            last=not isinstance(pages, int) or page >= pages or page * self.page_size >= self.window,
        )
        done.unusable["no_id"] += len(records) - len(usable)
        return done

    def split(self, query: Query, total: int) -> list[Query]:
        if not query.licence:
            return [replace(query, licence=licence) for licence in self.licences.split(",")]
        for name, values in (("aspect_ratio", SHAPES), ("size", SIZES)):
            if name not in query.more:
                return [replace(query, more={**query.more, name: value}) for value in values]
        return []

    def content(self, candidate_url: str) -> bytes | None:
        return None

    def _ask(self, query: Query, page: int) -> dict[str, Any]:
        take_any([self.bucket])
        response = self._get(query, page)
        if response.status_code == httpx.codes.UNAUTHORIZED and self.page_size > PAGE_SIZE:
            self.page_size = PAGE_SIZE
            take_any([self.bucket])
            response = self._get(query, page)
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            seconds = retry_after(response, RESTS["burst"])
            self.bucket.rest(seconds)
            raise LimitReached("Openverse asks for a rest.", timezone.now() + timedelta(seconds=seconds))
        answer = read_json(response, "Openverse")
        if response.status_code != httpx.codes.OK:
            raise SourceUnreachable(f"Openverse answered {response.status_code} instead of photographs.")
        return answer

    def _get(self, query: Query, page: int) -> httpx.Response:
        asked: dict[str, Any] = {"mature": "false", "category": "photograph", "filter_dead": "true", **query.more}
        asked |= {"q": query.word, "license": query.licence or self.licences}
        response = self.client.get("/v1/images/", params={**asked, "page": page, "page_size": self.page_size})
        self._respect(response)
        return response

    def _respect(self, response: httpx.Response) -> None:
        """Rest before a limit is reached rather than after."""
        for name, seconds in RESTS.items():
            left = response.headers.get(f"x-ratelimit-available-anon_{name}", "")
            if left.isdecimal() and int(left) < SPARE:
                self.bucket.rest(seconds)


def open_source(options: dict[str, Any]) -> Openverse:
    """Openverse at the operator's address, for a crawl."""
    return Openverse(open_client(settings.OPENVERSE_API_URL), licences=EVERY)


def _candidate(result: dict[str, Any], mood: str) -> Candidate:
    url = str(result.get("url") or "")
    return Candidate(url, _facts(result, mood), "" if url else "no_address")


def _facts(result: dict[str, Any], mood: str) -> Facts:
    tags = tuple(str(tag.get("name", "")) for tag in result.get("tags") or () if isinstance(tag, dict))
    version = str(result.get("license_version") or "")
    return Facts(
        source="openverse",
        source_id=str(result.get("id") or ""),
        title=str(result.get("title") or ""),
        creator=str(result.get("creator") or ""),
        creator_url=str(result.get("creator_url") or ""),
        owner=str(result.get("creator_url") or result.get("creator") or ""),
        licence=f"{result.get('license') or ''} {version}".strip(),
        licence_url=str(result.get("license_url") or ""),
        source_url=str(result.get("foreign_landing_url") or ""),
        tags=tags,
        mood_tag=mood,
        sensitive=bool(result.get("mature") or result.get("unstable__sensitivity")),
    )
