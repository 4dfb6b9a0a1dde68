"""Verification: name what the photographs show, count everything, keep the report as a row.

Equal input makes no new row: the database hashes what goes in, so that a second run reads no photograph.
"""

import hashlib
from typing import Any

import numpy as np
from django.db.models import Count, DecimalField, Func, QuerySet, Sum, TextField, Value
from django.db.models.functions import Cast

from gallery.dataset import agreement, concepts, facts, holdings, published, spread, variety, words
from gallery.models import Concept, Rating, Score, Verification
from gallery.moods import MOODS as WORDS
from ml import interface
from ml.interface import MOODS

FORMAT = 1  # of the report: another format is another input
FIGURES = 4  # decimals kept


class NothingToVerify(Exception):
    """No accepted photograph has a mood from its source's words."""


def verify(progress: concepts.Progress | None = None, objects_by: str = "") -> tuple[Verification, bool]:
    """The verification of the data set as it is now, and whether it was made now. Raises NothingToVerify.

    objects_by: one of interface.OBJECT_CLASSIFIERS; "": the best that is installed.
    """
    if not concepts.photographs().exists():
        raise NothingToVerify
    filled = concepts.fill(progress, objects_by)
    network = interface.active()
    objects, scenes = interface.object_classifier(objects_by), interface.scene_classifier()
    fingerprint = _fingerprint(network.id, [network.name, objects.name, scenes.name if scenes else ""])
    newest = Verification.objects.order_by("-pk").first()
    if newest is not None and newest.fingerprint == fingerprint:
        return newest, False
    found = facts.collect(network.id, objects.name, scenes.name if scenes else "")
    report = _rounded({**_report(found, network, objects, scenes), "unreadable": filled.unreadable})
    return Verification.objects.create(fingerprint=fingerprint, photos=len(found), report=report), True


def document(verification: Verification) -> dict[str, Any]:
    """A verification as it is given out: /dataset/verification.json and `verify_dataset --json`."""
    made = {"made_at": verification.made_at.isoformat(timespec="seconds"), "fingerprint": verification.fingerprint}
    return {**made, **verification.report}


def _report(found: facts.Facts, network: interface.NetworkInfo, objects: Any, scenes: Any) -> dict[str, Any]:
    tables = {"objects": variety.by_mood(found.objects[:, 0], found, len(objects.classes))}
    if scenes:
        tables["scenes"] = variety.by_mood(found.scenes[:, 0], found, len(scenes.classes))
    said, apart = words.words(found, objects.classes), spread.spread(found, network.id)
    return {
        "format": FORMAT,
        "photos": len(found),
        "network": network.name,
        "objects": {"classifier": objects.name, "classes": len(objects.classes)},
        "scenes": {"classifier": scenes.name, "classes": len(scenes.classes)} if scenes else None,
        "equal_n": variety.smallest(tables["objects"]),
        "moods": [
            {**_mood(found, place, tables, objects, scenes), "spread": apart[place]} for place in range(len(MOODS))
        ],
        "whole": holdings.holdings(found, np.ones(len(found), bool)),
        "years": variety.years(found, np.ones(len(found), bool), objects.classes),
        "agreement": agreement.agreement(found),
        "feelers": found.feelers if found.feelers >= agreement.FEWEST_VISITORS else None,
        "words": said,
        "verdict": words.summary(said),
        "turned_away": holdings.turned_away(),
    }


def _mood(found: facts.Facts, place: int, tables: dict[str, Any], objects: Any, scenes: Any) -> dict[str, Any]:
    inside, slug = found.mood == place, MOODS[place]
    together = (
        variety.with_scenes(found, inside, objects.classes, scenes.classes)
        if scenes
        else variety.with_objects(found, inside, objects.classes)
    )
    return {
        "slug": slug,
        "name": WORDS[slug].name,
        "report": vars(published.TABLE[slug]),
        "objects": variety.variety(tables["objects"], place, objects.classes),
        "scenes": _scenes(found, place, tables["scenes"], scenes) if scenes else None,
        "together": together,
        "affect": spread.affect(found, inside),
        "years": variety.years(found, inside, objects.classes),
        "trend": variety.trend(found, inside, objects.classes),
        **holdings.holdings(found, inside),
    }


def _scenes(found: facts.Facts, place: int, table: Any, scenes: Any) -> dict[str, Any]:
    indoor = variety.indoor(found.scenes[found.mood == place], scenes.indoor)
    return {**variety.variety(table, place, scenes.classes), "indoor": indoor}


def _fingerprint(network_id: int, names: list[str]) -> str:
    """Hash of what goes in, computed by the server. Sums of the rows' hashes, so their order does not matter."""
    inside = {"photo__in": concepts.photographs()}
    parts = [
        _hash(facts.rows(), facts.COLUMNS),
        _hash(Score.objects.filter(network_id=network_id, **inside), ("photo_id", "moods", "valence", "arousal")),
        _hash(Concept.objects.filter(classifier__in=names, **inside), ("photo_id", "kind", "classes", "probabilities")),
        _hash(Rating.objects.exclude(felt="").filter(**inside), ("photo_id", "visitor_id", "felt")),
        holdings.turned_away(),
    ]
    return hashlib.sha256(repr((FORMAT, names, parts)).encode()).hexdigest()


def _hash(rows: QuerySet, columns: tuple[str, ...]) -> tuple[Any, Any]:
    text = Cast(Func(*columns, function="jsonb_build_array"), TextField())
    number = DecimalField(max_digits=60, decimal_places=0)
    hashed = Func(text, Value(0), function="hashtextextended", output_field=number)
    found = rows.order_by().aggregate(rows=Count("pk"), sum=Sum(hashed))
    return found["rows"], found["sum"]


def _rounded(value: Any) -> Any:
    """Numbers as they are told; no number that JSON does not know."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return round(value, FIGURES) if isinstance(value, float) else value
