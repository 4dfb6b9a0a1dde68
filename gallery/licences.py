"""What a licence allows, and how a photograph is credited: plain data and pure functions.

Sources: the deeds at creativecommons.org; the list of Flickr's ids in site/docs (issue of the crawl).
"""

import re
from dataclasses import dataclass

CC = "https://creativecommons.org"


@dataclass(frozen=True)
class Licence:
    """One family of licences, whatever its version. `shows`: a non-commercial site may show it; `asks_credit`: BY."""

    slug: str
    name: str
    shows: bool
    redistributes: bool
    asks_credit: bool = True
    non_commercial: bool = False
    no_derivatives: bool = False
    share_alike: bool = False


LICENCES: dict[str, Licence] = {
    licence.slug: licence
    for licence in (
        Licence("cc0", "CC0", True, True, asks_credit=False),
        Licence("pdm", "Public Domain Mark", True, True, asks_credit=False),
        Licence("by", "CC BY", True, True),
        Licence("by-sa", "CC BY-SA", True, True, share_alike=True),
        Licence("by-nc", "CC BY-NC", True, True, non_commercial=True),
        Licence("by-nc-sa", "CC BY-NC-SA", True, True, non_commercial=True, share_alike=True),
        Licence("by-nd", "CC BY-ND", True, True, no_derivatives=True),
        Licence("by-nc-nd", "CC BY-NC-ND", True, True, non_commercial=True, no_derivatives=True),
        Licence("us-gov", "United States government work", True, True, asks_credit=False),
        Licence("unknown", "Unknown licence", False, False),
        Licence("reserved", "All rights reserved", False, False),
    )
}
SHOWN = tuple(slug for slug, licence in LICENCES.items() if licence.shows)

_CC_URL = re.compile(
    r"^https?://(?:www\.)?creativecommons\.org/(licenses/(?P<kind>[a-z-]+)|publicdomain/(?P<free>zero|mark))/(?P<version>\d\.\d)"
)
_CC_NAME = re.compile(r"^(?:cc[ -])?(?P<kind>by(?:-nc)?(?:-sa|-nd)?)(?:[ -](?P<version>\d\.\d))?$")
_WORDS = {
    "cc0": "cc0", "cc0 1.0": "cc0", "cc zero": "cc0", "public domain": "pdm", "pdm": "pdm", "public domain mark": "pdm",
    "public domain mark 1.0": "pdm", "us government work": "us-gov", "all rights reserved": "reserved",
}  # fmt: skip


def parse(name: str, url: str = "") -> tuple[str, str]:
    """The licence's slug and version from its address or, failing that, its name; else ("unknown", "").

    A version is never guessed: a name without one has none. Name and address that contradict each other are unknown.
    """
    by_url, by_name = _from_url(url), _from_name(name)
    if by_url and by_name and by_url[0] != by_name[0]:
        return "unknown", ""
    return by_url or by_name or ("unknown", "")


def _from_url(url: str) -> tuple[str, str] | None:
    found = _CC_URL.match(url.strip().lower())
    if not found:
        return None
    slug = {"zero": "cc0", "mark": "pdm"}.get(found["free"] or "", found["kind"])
    return (slug, found["version"]) if slug in LICENCES else None


def _from_name(name: str) -> tuple[str, str] | None:
    text = " ".join(name.lower().split())
    if text in _WORDS:
        return _WORDS[text], "1.0" if _WORDS[text] in ("cc0", "pdm") else ""
    if text in LICENCES:
        return text, ""
    found = _CC_NAME.match(text)
    return (found["kind"], found["version"] or "") if found else None


def deed_url(slug: str, version: str) -> str:
    """The address of the licence's deed, or "" where there is none."""
    if slug == "cc0":
        return f"{CC}/publicdomain/zero/1.0/"
    if slug == "pdm":
        return f"{CC}/publicdomain/mark/1.0/"
    if slug.startswith("by") and version:
        return f"{CC}/licenses/{slug}/{version}/"
    return ""


def label(slug: str, version: str) -> str:
    """How the licence is named to a reader: "CC BY-SA 4.0"."""
    licence = LICENCES.get(slug, LICENCES["unknown"])
    return f"{licence.name} {version}".strip() if slug.startswith(("by", "cc0")) else licence.name


def attribution(*, title: str, creator: str, slug: str, version: str, url: str = "") -> str:
    """One sentence to paste beside the photograph, fit for its licence, with the deed's address spelt out."""
    licence = LICENCES.get(slug, LICENCES["unknown"])
    what = f"“{title}”" if title else "This photograph"
    who = f"{what} by {creator}" if creator else what
    deed = url or deed_url(slug, version)
    if not licence.shows:
        return f"{who}: the licence is not known."
    verb = (
        "is licensed under"
        if slug.startswith("by")
        else "is in the public domain"
        if slug != "cc0"
        else "is marked with"
    )
    name = "" if verb.endswith("domain") else f" {label(slug, version)}"
    link = (
        ""
        if not deed
        else f" To view a copy of this licence, visit {deed}"
        if slug.startswith("by")
        else f" To view the terms, visit {deed}"
    )
    return f"{who} {verb}{name}. It was scaled down.{link}"
