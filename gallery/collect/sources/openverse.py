"""Openverse: openly licensed photographs of many collections, without a key.

API: https://api.openverse.org/v1/ ; licence: stated per photograph; CC0, Public Domain Mark and CC BY are asked for.
Without a key: 20 results a page (more is answered by 401, which means "ask for less"), 240 results a query, 20 requests
a minute and 200 a day. What is left is read from the X-RateLimit headers; 429 says with Retry-After when to come back.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import stamina

from gallery.collect.fetch import AGENT
from gallery.collect.intake import Facts
from gallery.collect.sources.base import Candidate, LimitReached, SourceUnreachable
from gallery.moods import MOODS, Mood

LICENCES = "cc0,pdm,by"
PAGE_SIZE = 20
DEPTH = 240  # results that a query gives
CONNECT = 4.0  # seconds: without a network the demo goes on at once
SPARE = 1  # requests left to the caller in each window, never used up


@dataclass
class Openverse:
    """The API for one run, ended by `deadline` (time.monotonic())."""

    client: httpx.Client
    deadline: float
    page_size: int = PAGE_SIZE
    requests: int = 0
    two_moods: set[str] = field(default_factory=set)  # ids dropped: their words name two moods

    def candidates(self, mood: Mood) -> Iterator[Candidate]:
        """Photographs whose words name this mood and no other. Raises SourceUnreachable, LimitReached."""
        for page in range(1, DEPTH // self.page_size + 1):
            answer = self._ask({"q": mood.synonyms[0], "page": page})
            results = answer.get("results")
            for result in results if isinstance(results, list) else ():
                candidate = self._candidate(result, mood) if isinstance(result, dict) else None
                if candidate is not None:
                    yield candidate
            pages = answer.get("page_count")
            if not isinstance(pages, int) or page >= pages:
                return

    def _candidate(self, result: dict[str, Any], mood: Mood) -> Candidate | None:
        facts = _facts(result, mood)
        if not result.get("url") or not facts.source_id:
            return None
        if moods_named(f"{facts.title} {' '.join(facts.tags)}") - {mood.slug}:
            self.two_moods.add(facts.source_id)
            return None
        return Candidate(str(result["url"]), facts)

    def _ask(self, query: dict[str, Any]) -> dict[str, Any]:
        fixed = {"license": LICENCES, "mature": "false", "category": "photograph", "filter_dead": "true"}
        while True:
            response = self._get({**fixed, **query, "page_size": self.page_size})
            if response.status_code == httpx.codes.OK:
                return _json(response)
            if response.status_code == httpx.codes.UNAUTHORIZED and self.page_size > PAGE_SIZE:
                self.page_size = PAGE_SIZE
            elif response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                self._wait(response.headers.get("retry-after", ""))
            else:
                raise SourceUnreachable(f"Openverse answered {response.status_code} instead of photographs.")

    def _get(self, query: dict[str, Any]) -> httpx.Response:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise LimitReached("No time is left.")
        try:
            for attempt in stamina.retry_context(on=_worth_another_try, attempts=3, timeout=left):
                with attempt:
                    self.requests += 1
                    response = self.client.get("/v1/images/", params=query)
                    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                        response.raise_for_status()
        except httpx.HTTPError as error:
            raise SourceUnreachable(f"Openverse cannot be reached: {error or type(error).__name__}.") from error
        self._respect(response)
        return response

    def _respect(self, response: httpx.Response) -> None:
        """End the run before a limit is reached rather than after."""
        available = [int(v) for k, v in response.headers.items() if "ratelimit-available" in k and v.isdecimal()]
        if response.status_code == httpx.codes.OK and available and min(available) < SPARE:
            self.deadline = min(self.deadline, time.monotonic())

    def _wait(self, seconds: str) -> None:
        pause = float(seconds) if seconds.isdecimal() else 60.0
        if time.monotonic() + pause >= self.deadline:
            raise LimitReached("Openverse asks to wait for longer than there is time.")
        time.sleep(pause)


def open_api(url: str) -> httpx.Client:
    """A client for the API at the operator's address."""
    return httpx.Client(base_url=url, timeout=httpx.Timeout(15.0, connect=CONNECT), headers={"user-agent": AGENT})


def moods_named(text: str) -> set[str]:
    """Moods whose synonyms stand in the text as whole words: the report's rule drops what names two."""
    words = {word.strip(".,;:!?()[]\"'#").lower() for word in text.replace("-", " ").split()}
    return {mood.slug for mood in MOODS.values() if words & set(mood.synonyms)}


def _worth_another_try(error: Exception) -> bool:
    """A refused connection is not: there is no network. A break or a fault of the server is."""
    return isinstance(error, httpx.HTTPError) and not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise SourceUnreachable("Openverse answered with something that is not JSON.")
    return answer


def _facts(result: dict[str, Any], mood: Mood) -> Facts:
    tags = tuple(str(tag.get("name", "")) for tag in result.get("tags") or () if isinstance(tag, dict))
    version = str(result.get("license_version") or "")
    return Facts(
        source="openverse",
        source_id=str(result.get("id") or ""),
        title=str(result.get("title") or ""),
        creator=str(result.get("creator") or ""),
        creator_url=str(result.get("creator_url") or ""),
        licence=f"{result.get('license') or ''} {version}".strip(),
        licence_url=str(result.get("license_url") or ""),
        source_url=str(result.get("foreign_landing_url") or ""),
        tags=tags,
        mood_tag=mood.slug,
        sensitive=bool(result.get("mature") or result.get("unstable__sensitivity")),
    )
