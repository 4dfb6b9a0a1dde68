"""How a photograph is put on a page: sources by width and format, its ratio and colour as classes, its placeholder."""

import math
from typing import Any

from django import template

from gallery import licences, placeholders
from gallery.models import Photo, Rendition
from gallery.moods import MOODS, Mood

register = template.Library()

# Ratios of the style sheet's classes: steps of 2.5 per cent, so that a frame never differs visibly from its photograph.
RATIO_STEP = 1.025
RATIO_RANGE = (-44, 52)  # .34 to 3.6; what is longer lies whole inside its frame
FALLBACK_WIDTH = 800  # pixels of the <img> for browsers that read no srcset


def ratio_step(width: int, height: int) -> int:
    """The class number of a ratio, -44 to 52."""
    step = round(math.log(width / height) / math.log(RATIO_STEP))
    return max(RATIO_RANGE[0], min(RATIO_RANGE[1], step))


@register.simple_tag
def all_moods() -> list[Mood]:
    """The six, in their order."""
    return list(MOODS.values())


@register.filter
def ratio_class(photo: Photo) -> str:
    """`r-NN`, or `r-mNN` for upright ones: the ratio's class in the style sheet."""
    return f"r-{ratio_step(photo.width, photo.height)}".replace("--", "-m")


@register.filter
def colour_class(photo: Photo) -> str:
    """`c-HUE` or `c-grey`: the dominant colour's class."""
    return placeholders.colour_class(photo.colour)


@register.filter
def focus_class(photo: Photo) -> str:
    """`at-0` to `at-100` in tens: where a narrow crop should look."""
    return f"at-{round(placeholders.focus(bytes(photo.thumbhash)), -1)}"


@register.filter
def must_be_whole(photo: Photo) -> bool:
    """Whether the frame must hold all of it: no derivatives allowed, or longer than any class."""
    outside = not RATIO_STEP ** RATIO_RANGE[0] < photo.width / photo.height < RATIO_STEP ** RATIO_RANGE[1]
    return outside or licences.LICENCES[photo.licence].no_derivatives


@register.simple_tag
def placeholder(photo: Photo) -> str:
    """The ThumbHash as an address for <img src>."""
    return placeholders.data_uri(bytes(photo.thumbhash))


@register.filter
def deed(photo: Photo) -> str:
    """The address of the photograph's licence, or none."""
    return photo.licence_url or licences.deed_url(photo.licence, photo.licence_version)


@register.inclusion_tag("_picture.html")
def picture(
    photo: Photo, sizes: str, *, eager: bool = False, first: bool = False, alt: str | None = None
) -> dict[str, Any]:
    """A <picture> of the prefetched renditions. `eager`: seen at once; `first`: fetched before others."""
    renditions = sorted(photo.renditions.all(), key=lambda rendition: rendition.width)
    webp = [r for r in renditions if r.format == Rendition.Format.WEBP]
    return {
        "photo": photo,
        "sources": [(f"image/{name}", _srcset(renditions, name)) for name in ("avif", "webp")],
        "fallback": next((r for r in webp if r.width >= FALLBACK_WIDTH), webp[-1] if webp else None),
        "sizes": sizes if eager else f"auto, {sizes}",
        "eager": eager,
        "first": first,
        "alt": photo.alt_text if alt is None else alt,
    }


def _srcset(renditions: list[Rendition], name: str) -> str:
    return ", ".join(f"{r.file.url} {r.width}w" for r in renditions if r.format == name)
