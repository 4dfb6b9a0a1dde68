"""How a source's API is asked: JSON over httpx, faults tried again by stamina with back-off and jitter."""

import email.utils
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import stamina

from gallery.collect.fetch import AGENT
from gallery.collect.sources.base import SourceUnreachable

CONNECT = 4.0  # seconds: without a network the demo goes on at once
READ = 20.0
ATTEMPTS = 4
LONGEST_REST = 86_400.0  # seconds that a Retry-After may ask for


def open_client(url: str) -> httpx.Client:
    """A client for an API at the operator's address; connections are kept."""
    return httpx.Client(base_url=url, timeout=httpx.Timeout(READ, connect=CONNECT), headers={"user-agent": AGENT})


def persist(ask: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Ask again after a fault of the way or of the server, with waits that grow and differ.

    A connection refused is not tried again: there is no network. Raises SourceUnreachable.
    """
    try:
        for attempt in stamina.retry_context(on=_worth_another_try, attempts=ATTEMPTS, timeout=seconds, wait_max=20.0):
            with attempt:
                return ask()
    except httpx.HTTPError as error:
        raise SourceUnreachable(f"The source cannot be reached: {error or type(error).__name__}.") from error
    raise SourceUnreachable("The source cannot be reached.")


class Fault(SourceUnreachable):
    """The source said that it cannot answer just now."""


def _worth_another_try(error: Exception) -> bool:
    if isinstance(error, httpx.HTTPError):
        return not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    return isinstance(error, Fault)


def read_json(response: httpx.Response, name: str) -> dict[str, Any]:
    """The answer's object. Raises Fault for a server's fault, SourceUnreachable for anything that is no object."""
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise Fault(f"{name} answered {response.status_code} instead of photographs.")
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Fault(f"{name} answered with something that is not JSON ({response.status_code}).")
    return answer


def retry_after(response: httpx.Response, otherwise: float) -> float:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date), within a day."""
    said = response.headers.get("retry-after", "").strip()
    if said.isdecimal():
        return min(float(said), LONGEST_REST)
    try:
        until = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return otherwise
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_REST)
