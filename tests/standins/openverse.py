"""A stand-in Openverse: its API with limits, 401 and 429, and the files that it leads to."""

import json


class Openverse:
    """What the stand-in serves and how it behaves; tests change it before they ask."""

    def __init__(self) -> None:
        self.results: dict[str, list[dict]] = {}
        self.files: dict[str, tuple[int, str, bytes]] = {}
        self.asked: list[dict[str, str]] = []
        self.burst = 20
        self.refuse_first = 0  # so many requests are answered by 429
        self.retry_after = "0"
        self.fail_first = 0  # so many requests are answered by 503
        self.drip = 0.0  # seconds between the bytes of a file
        self.address = ""

    def add(self, mood: str, number: int, content: bytes | None = None, **more) -> dict:
        """A photograph of a mood; its file is served unless `url` says otherwise."""
        path = f"/files/{mood}-{number}.jpg"
        if content is not None:
            self.files[path] = (200, "image/jpeg", content)
        result = {
            "id": f"{mood}-{number}",
            "title": f"Photograph {number}",
            "creator": "Ann",
            "creator_url": "https://example.org/ann",
            "url": self.address + path,
            "foreign_landing_url": "https://example.org/photo",
            "license": "by",
            "license_version": "2.0",
            "license_url": "https://creativecommons.org/licenses/by/2.0/",
            "tags": [{"name": mood}],
            **more,
        }
        self.results.setdefault(mood, []).append(result)
        return result

    def drips(self, path: str) -> bool:
        return path in self.files

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if path in self.files:
            status, kind, content = self.files[path]
            header = {"location": kind} if 300 <= status < 400 else {"content-type": kind}
            return status, header, content
        if path != "/v1/images/":
            return 404, {}, b"gone"
        return self._search(query)

    def _search(self, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(query)
        if len(self.asked) <= self.fail_first:
            return 503, {}, b""
        if len(self.asked) <= self.fail_first + self.refuse_first:
            return 429, {"retry-after": self.retry_after}, b"{}"
        size, page = int(query["page_size"]), int(query["page"])
        if size > 20:
            return 401, {}, b'{"detail": "page_size must be 20 or less for anonymous requests"}'
        found = self.results.get(query["q"], [])[:240]
        left = self.burst - len(self.asked)
        if left < 0:
            return 429, {"retry-after": "60"}, b"{}"
        body = {
            "result_count": len(found),
            "page_count": -(-len(found) // size),
            "results": found[size * (page - 1) : size * page],
        }
        return 200, {"x-ratelimit-available-anon_burst": str(left)}, json.dumps(body).encode()
