"""A stand-in Flickr: flickr.photos.search, licenses.getInfo, photos.getInfo and the photographs themselves.

It has the real one's unpleasant sides: a query serves `window` different results and then repeats its last page, totals
are off, keys run out (429), calls fail (5xx, stat=fail), and files are gone, cut off, or something else altogether.
`PYTHONPATH=tests python -m standins.flickr --photos 1000 --shape burst` serves one until it is ended, and prints where.
"""

import argparse
import bisect
import io
import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from standins.server import HOST, make_server

PAGE_SIZE = 500
FIRST, LAST = 1_104_537_600, 1_767_225_600  # 2005 to 2026, unix seconds
LICENCES = [
    ("0", "All Rights Reserved", ""),
    ("1", "Attribution-NonCommercial-ShareAlike License", "https://creativecommons.org/licenses/by-nc-sa/2.0/"),
    ("4", "Attribution License", "https://creativecommons.org/licenses/by/2.0/"),
    ("7", "No known copyright restrictions", "https://www.flickr.com/commons/usage/"),
    ("9", "Public Domain Dedication (CC0)", "https://creativecommons.org/publicdomain/zero/1.0/"),
    ("11", "CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
]
FAULTS = ("gone", "truncated", "html", "inside", "slow", "unavailable")
Headers = dict[str, str]
Response = tuple[int, Headers, bytes]


def uniform(count: int, rng: random.Random) -> list[int]:
    return sorted(rng.randrange(FIRST, LAST) for _ in range(count))


def burst(count: int, rng: random.Random) -> list[int]:
    """All but a few in one day."""
    day = 1_400_000_000
    return sorted(
        rng.randrange(day, day + 86_400) if rng.random() < 0.98 else rng.randrange(FIRST, LAST) for _ in range(count)
    )


def long_tail(count: int, rng: random.Random) -> list[int]:
    """Few at first, ever more later."""
    return sorted(LAST - 1 - min(int(rng.paretovariate(0.5) * 1000), LAST - 1 - FIRST) for _ in range(count))


SHAPES: dict[str, Callable[[int, random.Random], list[int]]] = {
    "uniform": uniform,
    "burst": burst,
    "long_tail": long_tail,
}


class Photo:
    """One photograph as Flickr knows it."""

    __slots__ = ("licence", "more", "number", "owner", "tags", "time")

    def __init__(self, number: int, seconds: int, tags: str, licence: str = "4", owner: str = "", **more) -> None:
        self.number, self.time, self.tags, self.licence = number, seconds, tags, licence
        self.owner = owner or f"{number % 997}@N00"
        self.more = more


class Flickr:
    """What the stand-in serves and how it behaves; tests change it before they ask."""

    def __init__(self, window: int = 4000, keys: Iterable[str] = ("key",)) -> None:
        self.window = window
        self.keys = set(keys)
        self.by_tag: dict[str, list[Photo]] = defaultdict(list)
        self.by_number: dict[int, Photo] = {}
        self.contents: dict[int, bytes] = {}
        self.faults: dict[int, str] = {}
        self.robots = b""
        self.licences = list(LICENCES)
        self.asked: list[dict[str, str]] = []
        self.fetched: list[int] = []
        self.plan: list[Response] = []  # answers to the next calls, before any real one
        self.drift = 0.0  # how far totals are off: 0.2 is up to a fifth
        self.ordered = True
        self.drip = 0.0
        self.latency = 0.0
        self.address = ""
        self.picture: bytes = b""  # served for each, where set: tests of speed
        self._lock = threading.Lock()

    def add(self, seconds: int, *tags: str, number: int = 0, content: bytes = b"", fault: str = "", **more) -> Photo:
        number = number or 1_000_000 + len(self.by_number)
        photo = Photo(number, seconds, " ".join(tags), **more)
        self.by_number[number] = photo
        for tag in tags:
            bisect.insort(self.by_tag[tag], photo, key=lambda photo: (photo.time, photo.number))
        if content:
            self.contents[number] = content
        if fault:
            self.faults[number] = fault
        return photo

    def add_many(self, times: Iterable[int], tag: str) -> None:
        for seconds in times:
            photo = Photo(1_000_000 + len(self.by_number), seconds, tag)
            self.by_number[photo.number] = photo
            self.by_tag[tag].append(photo)
        self.by_tag[tag].sort(key=lambda photo: (photo.time, photo.number))

    def add_folder(self, folder: Path, tag: Callable[[str], str]) -> None:
        """Photographs of a folder, with the tag that its name is given."""
        for place, file in enumerate(sorted(folder.glob("*.jpg"))):
            self.add(FIRST + 86_400 * place, tag(file.name), content=file.read_bytes(), title=file.stem)

    def drips(self, path: str) -> bool:
        number = _number(path)
        return self.drip > 0 and number is not None and self.faults.get(number) == "slow"

    def answer(self, path: str, query: dict[str, str]) -> Response:
        if path == "/robots.txt":
            return (200, {"content-type": "text/plain"}, self.robots) if self.robots else (404, {}, b"")
        if (number := _number(path)) is not None:
            return self._file(number)
        if path not in ("/", "/services/rest/"):
            return 404, {}, b""
        time.sleep(self.latency)
        with self._lock:
            self.asked.append(query)
            if self.plan:
                return self.plan.pop(0)
        return self._call(query)

    def _call(self, query: dict[str, str]) -> Response:
        if query.get("api_key") not in self.keys:
            return fail(100, "Invalid API Key (Key has invalid format)")
        method = query.get("method", "")
        if method == "flickr.photos.licenses.getInfo":
            licences = [{"id": i, "name": name, "url": url} for i, name, url in self.licences]
            return ok({"licenses": {"license": licences}})
        if method == "flickr.photos.getInfo":
            photo = self.by_number.get(int(query.get("photo_id", "0")))
            gone = photo is None or self.faults.get(photo.number) == "gone"
            return fail(1, "Photo not found") if gone or photo is None else ok({"photo": self._record(photo)})
        if method == "flickr.photos.search":
            return self._search(query)
        return fail(112, f'Method "{method}" not found')

    def _search(self, query: dict[str, str]) -> Response:
        photos = self.by_tag.get(query["tags"], [])
        low = bisect.bisect_left(photos, int(query["min_upload_date"]), key=lambda photo: photo.time)
        high = bisect.bisect_right(photos, int(query["max_upload_date"]), key=lambda photo: photo.time)
        if licence := query.get("license"):
            chosen: list[Photo] = [photo for photo in photos[low:high] if photo.licence == licence]
            low, high = 0, len(chosen)
        else:
            chosen = photos
        there = range(low, high) if query["sort"] == "date-posted-asc" else range(high - 1, low - 1, -1)
        if not self.ordered:
            there = sorted(there, key=lambda place: chosen[place].number * 2_654_435_761 % 2**32)
        page = self._page(there, int(query["per_page"]), int(query["page"]))
        total = round((high - low) * (1 + self.drift * random.Random(str(query)).uniform(-1, 1)))
        records = [self._record(chosen[place]) for place in page]
        return ok({"photos": {"page": int(query["page"]), "perpage": 500, "total": total, "photo": records}})

    def _page(self, there, size: int, page: int):
        """A page of at most 500; beyond the window, or the end, the last page there is again."""
        size = min(size, PAGE_SIZE)
        served = min(len(there), self.window)
        last = max(1, -(-served // size))
        page = min(page, last)
        return there[size * (page - 1) : min(size * page, served)]

    def _record(self, photo: Photo) -> dict:
        return {
            "id": str(photo.number), "owner": photo.owner, "ownername": f"Owner {photo.owner}",
            "license": photo.licence, "title": f"Photograph {photo.number}", "tags": photo.tags,
            "dateupload": str(photo.time), "media": "photo",
            "datetaken": "2010-05-01 12:00:00", "datetakenunknown": "0", "safety_level": "0",
            "url_l": f"{self.address}/photo/{photo.number}.jpg", **photo.more,
        }  # fmt: skip

    def _file(self, number: int) -> Response:
        with self._lock:
            self.fetched.append(number)
        fault = self.faults.get(number, "")
        jpeg = {"content-type": "image/jpeg"}
        if fault == "gone" or number not in self.by_number:
            return 404, {}, b"gone"
        if fault == "html":
            return 200, jpeg, b"<html><body>Sign in to see this photo.</body></html>"
        if fault == "inside":
            return 302, {"location": f"http://127.0.0.1:{self.address.rsplit(':', 1)[1]}/photo/{number}.jpg"}, b""
        if fault == "unavailable":
            return 503, {}, b""
        if fault.startswith("header "):
            name, _, value = fault.removeprefix("header ").partition(": ")
            return 200, {**jpeg, name: value}, self.content(number)
        content = self.content(number)
        return 200, jpeg, content[: len(content) // 2] if fault == "truncated" else content

    def content(self, number: int) -> bytes:
        return self.contents.get(number) or self.picture or made_up(number)


def made_up(number: int, size: tuple[int, int] = (480, 360)) -> bytes:
    """A smooth picture, another for each number, and no near-duplicate of another's."""
    small = np.random.default_rng(number).integers(0, 255, (8, 9, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(out, "jpeg", quality=80)
    return out.getvalue()


def ok(body: dict) -> Response:
    return 200, {"content-type": "application/json"}, json.dumps({**body, "stat": "ok"}).encode()


def fail(code: int, message: str) -> Response:
    return (
        200,
        {"content-type": "application/json"},
        json.dumps({"stat": "fail", "code": code, "message": message}).encode(),
    )


def _number(path: str) -> int | None:
    name = path.removeprefix("/photo/").removesuffix(".jpg")
    return int(name) if path.startswith("/photo/") and name.isdecimal() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=1000, help="for each word")
    parser.add_argument("--words", default="happy,sad,fear,anger,motivation,solitude")
    parser.add_argument("--shape", choices=SHAPES, default="uniform")
    parser.add_argument("--faulty", type=float, default=0.0, help="share of files that are no photograph")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--keys", default="key")
    options = parser.parse_args()
    rng, flickr = random.Random(options.seed), Flickr(keys=options.keys.split(","))
    for word in options.words.split(","):
        flickr.add_many(SHAPES[options.shape](options.photos, rng), word)
    for number in flickr.by_number:
        if rng.random() < options.faulty:
            flickr.faults[number] = rng.choice(FAULTS[:4])
    with make_server(flickr, HOST, options.port) as server:
        print(f"{flickr.address}/services/rest/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
