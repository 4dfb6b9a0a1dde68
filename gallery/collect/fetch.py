"""Fetching strangers' addresses: only public ones, bounded in bytes and in time.

Whatever connects goes through one network backend, which looks a name up once, refuses it if any of its addresses is
not public, and connects to the very address that it checked: a name that changes its answer (DNS rebinding) gains
nothing, and each redirect is checked like the first address. Connections are kept: the address that one leads to
does not change. Every wait, that for headers too, ends at one deadline.
EVOKE_FETCH_ALLOW lets networks through, for tests. Proxies of the environment are not used: they would connect for us.
"""

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore
import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from gallery.collect.render import MOST_BYTES

AGENT = "Evoke/0.1 (photographs with known licences; obeys limits)"
ROBOT = "evoke"  # how robots.txt and X-Robots-Tag name us
OPT_OUT = {"noai", "noimageai", "noindex", "noimageindex", "none"}
SECONDS = 30.0  # for one photograph in all
REDIRECTS = 5
PORTS = (80, 443)
TIMEOUTS = {"connect": 4.0, "read": 10.0, "write": 10.0, "pool": 10.0}
# identity: a picture is compressed already, and a small answer that unfolds to gigabytes is never asked for.
HEADERS = [("user-agent", AGENT), ("accept-encoding", "identity")]
PHOTOGRAPH = ("accept", "image/*")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
UNICAST6 = ipaddress.IPv6Network("2000::/3")  # all of IPv6 that is routed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

REASONS = {
    "address_refused": "its address is not a public one",
    "unreachable": "its host did not answer",
    "gone": "the source has it no more",
    "busy": "its host asks to come back later",
    "opted_out": "whoever publishes it wants no machine to take it (X-Robots-Tag, TDM)",
    "robots": "its host's robots.txt forbids it",
    "too_slow": "it did not arrive in time",
    "too_large": "larger than 50 MB",
}


PASSING = {"unreachable", "too_slow", "busy"}  # what may be otherwise at another time


class NotFetched(Exception):
    """A photograph that could not be fetched; `because` is one of REASONS."""

    def __init__(self, because: str) -> None:
        super().__init__(REASONS[because])
        self.because = because


def fetch(url: str, deadline: float | None = None) -> bytes:
    """The bytes behind an address, over a connection of its own; see Fetcher.fetch."""
    with Fetcher() as fetcher:
        return fetcher.fetch(url, deadline)


class Fetcher:
    """Fetches from many threads over connections that are kept: each was checked when it was made.

    `may_fetch`, asked before each request of a photograph, raises NotFetched where a host's robots.txt forbids it.
    """

    def __init__(self, may_fetch: Callable[[str], None] | None = None) -> None:
        self._due = _Due()
        self._may_fetch = may_fetch
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(), network_backend=PublicOnly(self._due), max_connections=64, keepalive_expiry=15.0
        )

    def __enter__(self) -> "Fetcher":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def fetch(self, url: str, deadline: float | None = None) -> bytes:
        """The bytes of a photograph, at most MOST_BYTES; deadline on time.monotonic(). Raises NotFetched."""
        return self._ask(url, deadline, MOST_BYTES, photograph=True).content

    def read(self, url: str, most: int, deadline: float | None = None) -> "Reply":
        """Status and the first `most` bytes of anything at all: robots.txt, a page. Raises NotFetched."""
        return self._ask(url, deadline, most, photograph=False)

    def _ask(self, url: str, deadline: float | None, most: int, photograph: bool) -> "Reply":
        self._due.at = due = min(time.monotonic() + SECONDS, deadline or float("inf"))
        try:
            address = httpx.URL(url)
            for _ in range(REDIRECTS + 1):
                if photograph and self._may_fetch is not None:
                    self._may_fetch(str(address))
                reply, address = self._get(address, most, photograph)
                if reply is not None:
                    return reply
        except httpcore.TimeoutException:
            raise NotFetched("too_slow" if time.monotonic() >= due else "unreachable") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpx.InvalidURL, OSError, ValueError):
            raise NotFetched("unreachable") from None
        raise NotFetched("gone")  # it leads round and round

    def _get(self, address: httpx.URL, most: int, photograph: bool) -> "tuple[Reply | None, httpx.URL]":
        """What is there, or None and the address that it leads to."""
        if address.scheme not in ("http", "https") or not address.host:
            raise NotFetched("address_refused")
        target = httpcore.URL(
            scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path
        )
        headers_sent = [*HEADERS, PHOTOGRAPH] if photograph else HEADERS
        with self._pool.stream("GET", target, headers=headers_sent, extensions={"timeout": TIMEOUTS}) as response:
            headers = httpx.Headers(response.headers)
            if response.status in (301, 302, 303, 307, 308) and "location" in headers:
                return None, address.join(headers["location"])
            if photograph:
                _check(response.status, headers)
            return Reply(response.status, _read(response.iter_stream(), most, whole=photograph)), address


@dataclass(frozen=True)
class Reply:
    """What a host answered in the end."""

    status: int
    content: bytes


def _check(status: int, headers: httpx.Headers) -> None:
    """Whether the photograph may and can be taken, before its bytes are."""
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise NotFetched("busy")
    if status != httpx.codes.OK:
        raise NotFetched("gone")
    if opted_out(headers):
        raise NotFetched("opted_out")
    if int(headers.get("content-length", "0")) > MOST_BYTES:  # the protocol's parser took only digits
        raise NotFetched("too_large")


def opted_out(headers: httpx.Headers) -> bool:
    """Whether whoever publishes it wants no machine to learn from it, or no picture of it elsewhere.

    X-Robots-Tag: developers.google.com/search/docs/crawling-indexing/robots-meta-tag ("noai" and "noimageai" as
    DeviantArt began it); tdm-reservation: w3.org/community/reports/tdmrep. A rule that names another robot is not ours.
    """
    if headers.get("tdm-reservation", "").strip() == "1":
        return True
    for line in headers.get_list("x-robots-tag"):
        agent, _, rest = line.rpartition(":")
        mine = not agent or agent.strip().lower() in (ROBOT, "*")
        if mine and OPT_OUT & {word.strip().lower() for word in rest.split(",")}:
            return True
    return False


class _Due(threading.local):
    """When this thread's request must be over (time.monotonic())."""

    at = float("inf")


def _read(chunks: Iterable[bytes], most: int, whole: bool) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > most:
            if whole:
                raise NotFetched("too_large")
            break
    return bytes(content[:most])


class PublicOnly(httpcore.NetworkBackend):
    """Connects to public addresses alone, until the moment at which the asking thread's request is due."""

    def __init__(self, due: _Due) -> None:
        self._due = due
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        allowed = _allowed_networks()
        if port not in PORTS and not allowed:
            raise NotFetched("address_refused")
        addresses = resolve(host, port, _left(self._due.at, timeout))
        if not all(is_public(address) or any(address in network for network in allowed) for address in addresses):
            raise NotFetched("address_refused")
        for place, address in enumerate(addresses, 1):
            try:
                stream = self._inner.connect_tcp(
                    str(address), port, _left(self._due.at, timeout), local_address, socket_options
                )
                return _Bounded(stream, self._due)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if place == len(addresses):
                    raise
        raise httpcore.ConnectError(f"{host} has no address.")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Any = None
    ) -> httpcore.NetworkStream:
        raise NotFetched("address_refused")


class _Bounded(httpcore.NetworkStream):
    """A stream whose every wait ends when it is due, however slowly the other side drips."""

    def __init__(self, inner: httpcore.NetworkStream, due: _Due) -> None:
        self._inner = inner
        self._due = due

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(self._due.at, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(self._due.at, timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, _left(self._due.at, timeout))
        return _Bounded(inner, self._due)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(due: float, timeout: float | None) -> float:
    left = due - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("No time is left.")
    return min(left, timeout or left)


def resolve(host: str, port: int, seconds: float) -> list[Address]:
    """The addresses of a name, in the order in which to try them; in a thread, for the look-up has no timeout."""
    answers: queue.SimpleQueue[list[Address]] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([ipaddress.ip_address(item[4][0]) for item in found])
        except (OSError, UnicodeError, ValueError):
            answers.put([])

    threading.Thread(target=look_up, daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        raise httpcore.ConnectTimeout(f"No address of {host} in time.") from None


def is_public(address: Address) -> bool:
    """Whether it is routed on the internet; an IPv4 address inside an IPv6 one is judged as what it is."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        tunnel = address.sixtofour is not None or address.teredo is not None
        return address in UNICAST6 and address.is_global and not tunnel
    return address.is_global and not address.is_multicast


def _allowed_networks() -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(network) for network in settings.EVOKE_FETCH_ALLOW]
    except ValueError as error:
        raise ImproperlyConfigured(f"EVOKE_FETCH_ALLOW must hold networks such as 10.0.0.0/8: {error}.") from error


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()
