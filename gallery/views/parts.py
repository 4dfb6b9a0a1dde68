"""What several pages share."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers, patch_cache_control, patch_vary_headers
from django.utils.crypto import salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

from accounts.middleware import known
from gallery.models import Photo
from gallery.moods import MOODS
from ml import interface


class Request(HttpRequest):
    """A request as the middleware hands it on."""

    visitor_id: uuid.UUID | None
    htmx: HtmxDetails


def accepted(request: Request) -> bool:
    """Whether this visitor agreed to see Sad, Fear and Anger."""
    visitor = known(request)
    return visitor is not None and visitor.shows_opt_in_moods


def veiled(request: Request) -> set[str]:
    """Moods that are not shown before this visitor asks: the opt-in ones until agreed to, and what they veiled."""
    visitor = known(request)
    hidden = set(visitor.hidden_moods) if visitor is not None else set()
    return hidden | (set() if accepted(request) else {slug for slug, mood in MOODS.items() if mood.opt_in})


def opens_sensitive(request: Request) -> bool:
    """Whether this visitor wants sensitive photographs without being asked."""
    visitor = known(request)
    return visitor is not None and visitor.shows_sensitive


def of_flickr(photos: Iterable[Photo]) -> bool:
    """Whether any is Flickr's: then its terms ask for a sentence, and for at most thirty on a page."""
    return any(photo.source == "flickr" for photo in photos)


def private(response: HttpResponse) -> HttpResponse:
    """For one pair of eyes, asked anew each time (Back still keeps its place), and page and part kept apart."""
    patch_cache_control(response, private=True, no_cache=True)
    patch_vary_headers(response, ["HX-Request"])
    return response


def ordered_by(response: HttpResponse, network_id: int | None) -> HttpResponse:
    """Name the network by which a page was ordered or explained: for operators and tests, no visitor sees it."""
    if network_id is not None:
        response["X-Evoke-Network"] = interface.name_of(network_id)
    return response


def safe_next(request: HttpRequest, otherwise: str) -> str:
    """Where a form asked to go on to, if that is a place of this site."""
    wanted: Any = request.POST.get("next", "")
    here = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if here else otherwise


def for_its_holder(response: HttpResponse) -> HttpResponse:
    """The page of a receipt: kept by nobody on the way, told to no other site, found by no search."""
    add_never_cache_headers(response)
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    return response


def whose(request: HttpRequest) -> str:
    """A hash that tells addresses apart and cannot be turned back into one.

    Behind the operator's proxy (EVOKE_HTTPS) the address is the last that X-Forwarded-For names: it added that one.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.HTTPS:
        address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2].strip()
    if ":" in address:  # somebody with IPv6 has a whole network of addresses
        address = ":".join(address.split(":")[:4])
    return salted_hmac("gallery.takedown", address).hexdigest()
