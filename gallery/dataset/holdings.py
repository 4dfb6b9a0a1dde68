"""What the photographs are as things: licences, creators, sizes, near-duplicates, and what the crawl turned away."""

from typing import Any

import numpy as np
from django.db.models import Count, QuerySet
from numpy.typing import NDArray

from gallery import licences
from gallery.dataset.facts import LICENCES, UNKNOWN, Facts
from gallery.dataset.statistics import gini
from gallery.models import Candidate, NotDuplicate, Photo

QUANTILES = (5, 25, 50, 75, 95)
LONGER = 1.05  # width by height beyond which a photograph lies (or, upright, stands)


def holdings(facts: Facts, inside: NDArray[np.bool_]) -> dict[str, Any]:
    """Licences, creators, sizes and near-duplicates of some of the photographs."""
    return {
        "n": int(inside.sum()),
        "licences": _licences(facts.licence[inside]),
        "creators": _creators(facts.creator[inside]),
        "sizes": _sizes(facts, inside),
        "duplicates": _duplicates(facts.cluster[inside]),
    }


def _licences(found: NDArray) -> list[dict[str, Any]]:
    """Photographs by licence, the most frequent first, and whether their bytes may be given on."""
    counts = np.bincount(found, minlength=len(LICENCES))
    order = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i]]
    kinds = [licences.LICENCES[LICENCES[i]] for i in order]
    return [
        {"slug": kind.slug, "name": kind.name, "n": int(counts[i]), "redistributes": kind.redistributes}
        for i, kind in zip(order, kinds, strict=True)
    ]


def _creators(found: NDArray) -> dict[str, Any]:
    """How many there are, and how unevenly the photographs are theirs; those of no known creator are counted apart."""
    known = np.bincount(found[found != UNKNOWN])
    known = np.sort(known[known > 0])[::-1]
    return {
        "n": len(known),
        "unknown": int((found == UNKNOWN).sum()),
        "gini": gini(known),
        "most": int(known[0]) if len(known) else 0,
        "top_ten_share": float(known[:10].sum() / known.sum()) if len(known) else None,
    }


def _sizes(facts: Facts, inside: NDArray[np.bool_]) -> dict[str, Any]:
    width, height = facts.width[inside], facts.height[inside]
    if not len(width):
        return {"megapixels": None, "bytes": 0, "wide": 0, "tall": 0, "square": 0}
    ratio = width / height
    quantiles = np.percentile(width * height / 1e6, QUANTILES).tolist()
    wide, tall = int((ratio > LONGER).sum()), int((ratio < 1 / LONGER).sum())
    return {
        "megapixels": dict(zip(map(str, QUANTILES), quantiles, strict=True)),
        "bytes": int(facts.bytes[inside].sum()),
        "wide": wide,
        "tall": tall,
        "square": len(width) - wide - tall,
    }


def _duplicates(clusters: NDArray) -> dict[str, int]:
    """Groups of near-duplicates, and the photographs that would go if one of each group stayed."""
    sizes = np.unique(clusters, return_counts=True)[1]
    return {"groups": int((sizes > 1).sum()), "spare": int((sizes - 1).sum()), "largest": int(sizes.max(initial=0))}


def turned_away() -> dict[str, Any]:
    """What the crawls found and did not keep, what was taken away later, and pairs that a person called different."""
    rejected = Candidate.objects.filter(state=Candidate.State.REJECTED)
    removed = Photo.objects.filter(status=Photo.Status.REMOVED)
    return {
        "reasons": _by_reason(rejected, "rejected_because"),
        "removed": _by_reason(removed, "removed_because"),
        "not_duplicates": NotDuplicate.objects.count(),
    }


def _by_reason(rows: QuerySet, column: str) -> dict[str, int]:
    """Rows by reason, the most frequent first (one query)."""
    return dict(rows.order_by().values_list(column).annotate(n=Count("pk")).order_by("-n", column))
