"""robots.txt (RFC 9309), asked once a day of each host, before the first photograph is taken from it."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from protego import Protego

from gallery.collect.fetch import ROBOT, Fetcher, NotFetched

MOST_BYTES = 500 * 1024  # RFC 9309, 2.5
SECONDS = 10.0  # for one robots.txt
DAY = 86_400.0
SOON = 300.0  # seconds after which a host that did not answer is asked again
HOSTS = 1000
LONGEST_DELAY = 10.0  # seconds between two requests: who asks for more is given ten


@dataclass
class _Host:
    """What a host said. `rules` None: it could not be asked, so nothing is taken from it (RFC 9309, 2.3.1.4)."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    rules: Protego | None = None
    until: float = 0.0  # time.monotonic()
    free_at: float = 0.0  # when the next request may be made, where the host wants pauses


class Robots:
    """The rules of the hosts met lately. Safe in threads: a host is asked by one of them."""

    def __init__(self) -> None:
        self._fetcher = Fetcher()
        self._lock = threading.Lock()
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    def close(self) -> None:
        self._fetcher.__exit__()

    def check(self, url: str) -> None:
        """Raises NotFetched: the host forbids it, or cannot be asked."""
        rules = self._rules(url)
        if rules is None:
            raise NotFetched("unreachable")
        if not rules.can_fetch(url, ROBOT):
            raise NotFetched("robots")

    def wait(self, url: str) -> None:
        """Sleep until this request's turn, where the host wants pauses between requests (Crawl-delay)."""
        rules, host = self._rules(url), self._host(url)
        delay = min(float(rules.crawl_delay(ROBOT) or 0), LONGEST_DELAY) if rules else 0.0
        if delay:
            with host.lock:
                turn = max(time.monotonic(), host.free_at)
                host.free_at = turn + delay
            time.sleep(max(0.0, turn - time.monotonic()))

    def _rules(self, url: str) -> Protego | None:
        host = self._host(url)
        with host.lock:
            if time.monotonic() >= host.until:
                host.rules = self._asked(_root(url))
                host.until = time.monotonic() + (SOON if host.rules is None else DAY)
            return host.rules

    def _host(self, url: str) -> _Host:
        with self._lock:
            host = self._hosts.setdefault(_root(url), _Host())
            self._hosts.move_to_end(_root(url))
            while len(self._hosts) > HOSTS:
                self._hosts.popitem(last=False)
            return host

    def _asked(self, root: str) -> Protego | None:
        """4xx: there are no rules. 5xx and silence: none may be assumed."""
        try:
            reply = self._fetcher.read(f"{root}/robots.txt", MOST_BYTES, time.monotonic() + SECONDS)
        except NotFetched as error:
            if error.because == "address_refused":
                raise
            return None
        if reply.status == httpx.codes.TOO_MANY_REQUESTS or reply.status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return None
        text = reply.content.decode("utf-8", "replace") if reply.status == httpx.codes.OK else ""
        return Protego.parse(text)


def _root(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
