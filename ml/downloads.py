"""A file from the internet, or from a folder to which somebody carried it: streamed, bounded, hashed, no byte trusted.

Nothing is resumed: a broken download begins anew, so that what is hashed is what one answer held.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import httpx

from ml.files import NetworkFileError

CHUNK = 1 << 18
REDIRECTS = 3
PATIENCE = httpx.Timeout(30.0, connect=10.0)  # seconds without a byte; a whole file may take as long as it takes
# as it lies there: a compressed answer would have neither the announced length nor a bound
HEADERS = {"accept-encoding": "identity", "user-agent": "evoke"}

Progress = Callable[[str, int, int], None]  # name of the file, bytes so far, bytes in all (0: not told)


class WeightsError(NetworkFileError):
    """Weights that cannot be had or must not be used; one sentence fit for a terminal."""


def fetch(url: str, out: Path, most: int, progress: Progress, source: Path | None = None) -> str:
    """Write the file at an address to `out`; the SHA-256 of what came, in hexadecimal.

    most: bytes more than which it is refused. source: a folder that holds it under its own name; no network is used
    then. Raises WeightsError; what was written by then is the caller's to delete.
    """
    name = url.rsplit("/", 1)[1]
    digest, count = hashlib.sha256(), 0
    opened = _asked(url) if source is None else _carried(source / name)
    with opened as (total, chunks), out.open("wb") as file:
        for chunk in chain([b""], chunks):  # the announced length counts before any byte has come
            count += len(chunk)
            if max(count, total) > most:
                raise WeightsError(f"{name} is larger than it can be ({max(count, total):,} bytes, {most:,} at most).")
            file.write(chunk)
            digest.update(chunk)
            progress(name, count, total)
    if count == 0 or count < total:
        raise WeightsError(f"{name} broke off after {count:,} bytes of {total:,}: try again.")
    return digest.hexdigest()


@contextmanager
def _asked(url: str) -> Iterator[tuple[int, Iterator[bytes]]]:
    """The announced length and the bytes of what an address answers."""
    address, host = httpx.URL(url), httpx.URL(url).host
    try:
        with httpx.Client(timeout=PATIENCE, headers=HEADERS) as client:
            for _ in range(REDIRECTS):
                with client.stream("GET", address) as answer:
                    if answer.has_redirect_location:
                        address = _onward(address, answer)
                        continue
                    if answer.status_code != httpx.codes.OK:
                        raise WeightsError(f"{host} answers {answer.status_code} for {address.path}.")
                    yield _length(answer), answer.iter_bytes(CHUNK)
                    return
    except httpx.RemoteProtocolError as error:
        raise WeightsError(f"{host} broke off in the middle of {address.path}: try again.") from error
    except httpx.HTTPError as error:
        raise WeightsError(f"{host} cannot be reached ({str(error) or type(error).__name__}).") from error
    raise WeightsError(f"{host} sends from one address to the next for {address.path}.")


def _onward(here: httpx.URL, answer: httpx.Response) -> httpx.URL:
    """Where a redirect leads: to the same host only, and never from https to http."""
    there = here.join(answer.headers["location"])
    if there.host != here.host or (here.scheme, there.scheme) == ("https", "http") or there.scheme[:4] != "http":
        raise WeightsError(f"{here.host} sends to {there.scheme}://{there.host}, which is not followed.")
    return there


def _length(answer: httpx.Response) -> int:
    told = answer.headers.get("content-length", "")
    return int(told) if told.isdecimal() and "content-encoding" not in answer.headers else 0


@contextmanager
def _carried(path: Path) -> Iterator[tuple[int, Iterator[bytes]]]:
    """The length and the bytes of a file."""
    try:
        with path.open("rb") as file:
            yield path.stat().st_size, iter(lambda: file.read(CHUNK), b"")
    except FileNotFoundError as error:
        raise WeightsError(f"{path.parent} holds no {path.name}.") from error
