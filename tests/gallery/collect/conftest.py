"""Photographs made here, good and bad, and a stand-in Openverse: a real HTTP server that speaks its API."""

import io
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from gallery.collect import pool
from gallery.collect.intake import Facts
from gallery.collect.render import render


def picture(seed: int = 0, size: tuple[int, int] = (640, 480), mode: str = "RGB") -> Image.Image:
    """A smooth made-up picture, different for each seed."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (6, 8, 3), np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).convert(mode)


def encoded(image: Image.Image, kind: str = "jpeg", **how) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


@pytest.fixture
def facts() -> Facts:
    return Facts(source="test", title="A hill", creator="Ann", licence="CC BY 4.0")


@pytest.fixture
def in_process(monkeypatch) -> None:
    """Render in this process: tests that are not of processes need not wait for some to start."""
    monkeypatch.setattr(pool, "_new_pool", lambda workers: ThreadPoolExecutor(1))
    monkeypatch.setattr(pool, "render_within_limits", render)


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


@pytest.fixture
def openverse(settings) -> Iterator[Openverse]:
    """A running stand-in; settings point to it, and fetching may reach it."""
    standin = Openverse()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, headers, body = standin.answer(parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()})
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if not standin.drip or parts.path not in standin.files:
                self.wfile.write(body)
                return
            with suppress(OSError):  # the other side has gone
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    time.sleep(standin.drip)

        def log_message(self, *args) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    standin.address = f"http://127.0.0.1:{server.server_port}"
    settings.OPENVERSE_API_URL = standin.address
    settings.EVOKE_FETCH_ALLOW = ["127.0.0.1/32"]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield standin
    server.shutdown()
    thread.join()
    server.server_close()
