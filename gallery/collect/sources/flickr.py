"""Flickr: photographs by tag, with the operator's own keys.

API: https://www.flickr.com/services/api/flickr.photos.search.html ; 3,600 calls an hour a key. A query serves about
4,000 different photographs, 500 a page, and then repeats them; its `total` is an estimate. Licences come as ids, which
flickr.photos.licenses.getInfo explains: the table below is compared with it at the start, and an id that it does not
know, or knows as another licence, is left out. Terms: credit, a link back, removal when the owner removes.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
from django.conf import settings

from gallery import licences
from gallery.collect.intake import Facts
from gallery.collect.quota import Bucket, Limit, take_any
from gallery.collect.sources.base import Answer, Candidate, LimitReached, Query, SourceRefused, Told
from gallery.collect.sources.client import Fault, open_client, persist, read_json, retry_after
from gallery.moods import Mood

# Ids and names as flickr.photos.licenses.getInfo gives them; the names are those that `licences.parse` knows.
LICENCES = {
    "0": "All Rights Reserved", "1": "CC BY-NC-SA 2.0", "2": "CC BY-NC 2.0", "3": "CC BY-NC-ND 2.0", "4": "CC BY 2.0",
    "5": "CC BY-SA 2.0", "6": "CC BY-ND 2.0", "7": "No known copyright restrictions", "8": "US Government Work",
    "9": "CC0 1.0", "10": "Public Domain Mark 1.0", "11": "CC BY 4.0", "12": "CC BY-SA 4.0", "13": "CC BY-ND 4.0",
    "14": "CC BY-NC 4.0", "15": "CC BY-NC-SA 4.0", "16": "CC BY-NC-ND 4.0",
}  # fmt: skip
EXTRAS = "license,owner_name,tags,date_upload,date_taken,media,safety_level,url_o,url_k,url_h,url_l,url_c"
SIZES = ("url_o", "url_k", "url_h", "url_l", "url_c")  # the largest first; an owner need not share them
PAGE_SIZE = 500
WINDOW = 4000
LIMIT = Limit(calls=3600, seconds=3600.0, burst=120)
REST = 60.0  # seconds, where a 429 does not say how long
BAD_KEY = 100
LATER = (10, 105, 106)  # the search, or the service, or a write is "currently not available"
GONE = (1, 2)  # of getInfo: not found, or not for everybody
PATIENCE = 120.0  # seconds for a request and its further tries
PAGES = "https://www.flickr.com/photos"


class Flickr:
    """The API, with one or more keys, each with a bucket of its own."""

    name = "flickr"
    window = WINDOW
    searches_titles = False

    def __init__(self, client: httpx.Client, keys: list[str]) -> None:
        if not keys:
            raise SourceRefused("Flickr needs a key: set FLICKR_API_KEYS (one, or several with commas between).")
        self.client = client
        self.buckets = {key: Bucket(self.name, key, LIMIT) for key in keys}
        self.licences = dict(LICENCES)

    def check(self) -> list[str]:
        """Ask for Flickr's licences, by which a bad key is known as well. Raises SourceError."""
        for bucket in self.buckets.values():
            bucket.allow()
        said = self._call("flickr.photos.licenses.getInfo", {}).get("licenses", {}).get("license", [])
        return [sentence for licence in said if (sentence := self._compare(licence))]

    def _compare(self, licence: dict[str, Any]) -> str:
        """A sentence where Flickr means another licence by an id than the table does; then the id is unknown."""
        number, name = str(licence.get("id")), str(licence.get("name"))
        if number not in self.licences:
            return f"Flickr has a licence that is not known here: {number} ({name}). Its photographs are left out."
        told = licences.parse("", str(licence.get("url") or ""))
        if told[0] == "unknown" or told == licences.parse(self.licences[number]):
            return ""
        del self.licences[number]
        return f"Flickr's licence {number} is {name} now, another than was known. Its photographs are left out."

    def queries(self, mood: Mood, since: int, until: int) -> list[Query]:
        return [Query(mood.slug, word, since, until) for word in mood.synonyms]

    def search(self, query: Query, page: int) -> Answer:
        photos = self._call("flickr.photos.search", _asked(query, page)).get("photos")
        if not isinstance(photos, dict):
            raise Fault("Flickr answered a search without photographs.")
        records = [record for record in photos.get("photo") or () if isinstance(record, dict)]
        named = [record for record in records if str(record.get("id", "")).isdecimal()]
        candidates = [self._candidate(record, query.mood) for record in named]
        unusable = Counter(no_id=len(records) - len(named))
        total = str(photos.get("total", ""))
        marks = [(str(record.get("id")), _seconds(record)) for record in records]
        return Answer(candidates, marks, total=int(total) if total.isdecimal() else None, unusable=unusable)

    def split(self, query: Query, total: int) -> list[Query]:
        """By licence; then the two orders, which reach the two ends of what is there."""
        if not query.licence:
            return [replace(query, licence=number) for number in self.licences]
        return [replace(query, order=order) for order in ("asc", "desc")] if not query.order else []

    def recheck(self, source_ids: Sequence[str]) -> dict[str, Told]:
        """Whether each is still there for everybody, and its licence now; as many as the limit leaves calls for."""
        told: dict[str, Told] = {}
        with suppress(LimitReached):
            for source_id in source_ids:
                told[source_id] = self._told(source_id)
        return told

    def _told(self, source_id: str) -> Told:
        try:
            photo = self._call("flickr.photos.getInfo", {"photo_id": source_id}).get("photo") or {}
        except NotThere:
            return Told("gone")
        return Told("there", self.licences.get(str(photo.get("license")), ""))

    def content(self, candidate_url: str) -> bytes | None:
        return None

    def _candidate(self, record: dict[str, Any], mood: str) -> Candidate:
        number = str(record.get("license", ""))
        url = next((str(record[size]) for size in SIZES if record.get(size)), "")
        unfit = "" if number in self.licences else "unknown_licence"
        if record.get("media", "photo") != "photo":
            unfit = "no_photograph"
        elif not url:
            unfit = "no_address"
        return Candidate(url, _facts(record, self.licences.get(number, ""), mood), unfit)

    def _call(self, method: str, asked: dict[str, Any]) -> dict[str, Any]:
        return persist(lambda: self._ask(method, asked), PATIENCE)

    def _ask(self, method: str, asked: dict[str, Any]) -> dict[str, Any]:
        """One answer, by whichever key may ask. Raises Fault, LimitReached, SourceRefused."""
        while True:
            bucket = take_any(list(self.buckets.values()))
            key = next(key for key, mine in self.buckets.items() if mine is bucket)
            asked |= {"method": method, "api_key": key, "format": "json", "nojsoncallback": 1}
            response = self.client.get("", params=asked)
            if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                bucket.rest(max(retry_after(response, REST), 1.0))
                continue
            answer = read_json(response, "Flickr")
            if answer.get("stat") == "ok":
                return answer
            _raise(bucket, answer, method)


class NotThere(SourceRefused):
    """There is no such photograph, or its owner made it private."""


def _raise(bucket: Bucket, answer: dict[str, Any], method: str) -> None:
    """What `stat=fail` means. A bad key is put aside, and the caller asks by another."""
    code, text = answer.get("code"), str(answer.get("message", ""))[:200]
    if code == BAD_KEY:
        bucket.refuse(f"Flickr does not take a key of FLICKR_API_KEYS (code {code}: {text}).")
    elif method == "flickr.photos.getInfo" and code in GONE:
        raise NotThere(f"Flickr has no such photograph (code {code}: {text}).")
    elif code in LATER:
        raise Fault(f"Flickr cannot answer just now (code {code}: {text}).")
    else:
        raise SourceRefused(f"Flickr refuses the request (code {code}: {text}).")


def open_source(options: dict[str, Any]) -> Flickr:
    """Flickr at the operator's address, with the operator's keys."""
    return Flickr(open_client(settings.FLICKR_API_URL), settings.FLICKR_API_KEYS)


def _asked(query: Query, page: int) -> dict[str, Any]:
    """The half-open span becomes Flickr's closed one."""
    asked: dict[str, Any] = {
        "tags": query.word, "min_upload_date": query.after, "max_upload_date": query.before - 1,
        "sort": "date-posted-desc" if query.order == "desc" else "date-posted-asc", "media": "photos",
        "content_types": 0, "safe_search": 1, "extras": EXTRAS, "per_page": PAGE_SIZE, "page": page,
    }  # fmt: skip
    return {**asked, "license": query.licence} if query.licence else asked


def _seconds(record: dict[str, Any]) -> int | None:
    said = str(record.get("dateupload", ""))
    return int(said) if said.isdecimal() else None


def _facts(record: dict[str, Any], licence: str, mood: str) -> Facts:
    owner, seconds = str(record.get("owner", "")), _seconds(record)
    return Facts(
        source="flickr",
        source_id=str(record["id"]),
        title=str(record.get("title") or ""),
        creator=str(record.get("ownername") or owner),
        creator_url=f"{PAGES}/{owner}/" if owner else "",
        owner=owner,
        licence=licence,
        source_url=f"{PAGES}/{owner}/{record['id']}/" if owner else "",
        tags=tuple(str(record.get("tags") or "").split()),
        mood_tag=mood,
        sensitive=str(record.get("safety_level", "0")) not in ("0", "1", ""),
        taken_at=_taken(record),
        uploaded_at=datetime.fromtimestamp(seconds, UTC) if seconds is not None else None,
    )


def _taken(record: dict[str, Any]) -> datetime | None:
    """The camera's own time, whose zone nobody knows; none where Flickr says that it made it up."""
    if str(record.get("datetakenunknown", "0")) != "0":
        return None
    with suppress(ValueError):
        return datetime.fromisoformat(str(record.get("datetaken", ""))).replace(tzinfo=UTC)
    return None
