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

    def delay(self, url: str) -> float:
        """Seconds that the host wants between two requests."""
        rules = self._rules(url)
        return min(float(rules.crawl_delay(ROBOT) or 0), LONGEST_DELAY) if rules else 0.0

    def _rules(self, url: str) -> Protego | None:
        parts = urlsplit(url)
        root = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            host = self._hosts.setdefault(root, _Host())
            self._hosts.move_to_end(root)
            while len(self._hosts) > HOSTS:
                self._hosts.popitem(last=False)
        with host.lock:
            if time.monotonic() >= host.until:
                host.rules = self._asked(root)
                host.until = time.monotonic() + (SOON if host.rules is None else DAY)
            return host.rules

    def _asked(self, root: str) -> Protego | None:
        """4xx: there are no rules. 5xx and silence: none may be assumed."""
        try:
            reply = self._fetcher.read(f"{root}/robots.txt", MOST_BYTES)
        except NotFetched as error:
            if error.because == "address_refused":
                raise
            return None
        if reply.status == httpx.codes.TOO_MANY_REQUESTS or reply.status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return None
        text = reply.content.decode("utf-8", "replace") if reply.status == httpx.codes.OK else ""
        return Protego.parse(text)
