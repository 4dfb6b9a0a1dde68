"""Fetching strangers' addresses: only public ones, bounded in bytes and time.

`drawbridge` resolves a name once, refuses any address that is not public, connects to the very address it checked (so
that DNS rebinding fails), and does so again for each redirect. EVOKE_FETCH_ALLOW lets networks through, for tests.
"""

import ipaddress
import time
from collections.abc import Iterator
from contextlib import contextmanager

import drawbridge
import httpx
from django.conf import settings

from gallery.collect.render import MOST_BYTES

AGENT = "Evoke/0.1 (photographs with known licences; obeys limits)"
SECONDS = 30.0  # for one photograph in all
REDIRECTS = 5
PORTS = frozenset({80, 443})
CHUNK = 1 << 16

REASONS = {
    "address_refused": "its address is not a public one",
    "unreachable": "its host did not answer",
    "gone": "the source has it no more",
    "too_slow": f"it took more than {SECONDS:.0f} seconds",
    "too_large": "larger than 50 MB",
}


class NotFetched(Exception):
    """A photograph that could not be fetched; `because` is one of REASONS."""

    def __init__(self, because: str) -> None:
        super().__init__(REASONS[because])
        self.because = because


@contextmanager
def open_client() -> Iterator[drawbridge.SyncClient]:
    """A client that reaches public addresses only; may be shared by threads."""
    allowed = frozenset(ipaddress.ip_network(network) for network in settings.EVOKE_FETCH_ALLOW)
    policy = drawbridge.Policy(
        allow_ports=frozenset(range(1, 65536)) if allowed else PORTS,
        ip_allowlist=allowed,
        max_redirects=REDIRECTS,
        max_response_bytes=MOST_BYTES,
        timeout=httpx.Timeout(10.0, connect=4.0),
        user_agent=AGENT,
    )
    with drawbridge.SyncClient(policy) as client:
        yield client


def fetch(client: drawbridge.SyncClient, url: str, deadline: float | None = None) -> bytes:
    """The bytes behind an address, at most MOST_BYTES; deadline on time.monotonic(). Raises NotFetched."""
    due = min(time.monotonic() + SECONDS, deadline or float("inf"))
    try:
        with client.stream("GET", url, headers={"accept": "image/*"}) as response:
            if response.status_code != httpx.codes.OK:
                raise NotFetched("gone")
            return _read(response, due)
    except drawbridge.DrawbridgeError:
        raise NotFetched("address_refused") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError):
        raise NotFetched("unreachable") from None


def _read(response: httpx.Response, due: float) -> bytes:
    content = bytearray()
    for chunk in response.iter_raw(CHUNK):
        content += chunk
        if len(content) > MOST_BYTES:
            raise NotFetched("too_large")
        if time.monotonic() > due:
            raise NotFetched("too_slow")
    return bytes(content)
