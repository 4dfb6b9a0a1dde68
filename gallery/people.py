"""What the gallery knows of a visitor: brought along when they sign in, given to them as a file, forgotten.

Every table that refers to a Visitor takes part. What needs more than a new owner has a mover of its own.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from django.apps import apps
from django.db import models
from django.dispatch import receiver

from accounts.models import Visitor
from accounts.registry import Exporter, Mood, Row, register_eraser, register_exporter, register_moods
from accounts.signals import visitor_merged
from gallery import reports
from gallery.models import Rating, RatingEvent, Report, Taste, Visit
from gallery.moods import MOODS
from gallery.rank import learning
from ml import interface

Mover = Callable[[Visitor, Visitor], int]


def move_ratings(anonymous: Visitor, member: Visitor) -> int:
    """Of two ratings of one photograph the newer stays; how many came along."""
    theirs = {r.photo_id: r for r in Rating.objects.filter(visitor=member, photo__ratings__visitor=anonymous)}
    older: list[int] = []
    for rating in Rating.objects.filter(visitor=anonymous):
        other = theirs.get(rating.photo_id)
        if other is not None:
            older.append(rating.pk if other.rated_at >= rating.rated_at else other.pk)
    Rating.objects.filter(pk__in=older).delete()
    return Rating.objects.filter(visitor=anonymous).update(visitor=member)


def drop_taste(anonymous: Visitor, member: Visitor) -> int:
    """What either had taught is learnt anew from all ratings, when the next page is ordered."""
    Taste.objects.filter(visitor__in=[anonymous, member]).delete()
    Visit.objects.filter(visitor=member).update(shortlist=None)
    return 0


movers: dict[type[models.Model], Mover] = {Rating: move_ratings, Report: reports.move, Taste: drop_taste}


def register_mover(table: type[models.Model], mover: Mover) -> None:
    """How rows of a table come along where a new owner is not enough; returns how many ratings they are."""
    movers[table] = mover


def tables() -> list[tuple[type[models.Model], str]]:
    """The gallery's tables that refer to a Visitor, and by which field."""
    found = (
        (model, field.name)
        for model in apps.get_app_config("gallery").get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Visitor
    )
    return sorted(found, key=lambda pair: pair[0].__name__)


@receiver(visitor_merged)
def bring_along(sender: Any, anonymous: Visitor, member: Visitor, **kwargs: Any) -> int:
    """Move everything; how many ratings came along."""
    count = 0
    for table, name in tables():
        if table in movers:
            count += movers[table](anonymous, member)
        else:
            table._default_manager.filter(**{name: anonymous}).update(**{name: member})
    return count


SAID = (Rating, RatingEvent, Taste, Visit)


def forget(visitor: Visitor) -> None:
    """What they said, what they were shown, and what was learnt from it. What they keep (collections) stays.

    What they reported stays for the photographs' sake, with nothing that leads back to them.
    """
    for table in SAID:
        table._default_manager.filter(visitor=visitor).delete()
    reports.forget(visitor)


def _reports(visitor: Visitor) -> Iterator[Row]:
    for row in (
        Report.objects.filter(visitor=visitor).select_related("decision").order_by("pk").iterator(chunk_size=500)
    ):
        yield {
            "photo": row.photo_id,
            "reason": row.get_reason_display(),
            "note": row.note,
            "reported_at": row.reported_at,
            "decision": row.decision.get_kind_display() if row.decision else "",
            "because": row.decision.reason if row.decision else "",
        }


def _answers(rows: Any, when: str) -> Iterator[Row]:
    """Ratings or their history with the photograph they are about."""
    for row in rows.select_related("photo").order_by("pk").iterator(chunk_size=500):
        yield {
            "photo": row.photo_id,
            "source_url": row.photo.source_url,
            "credit": row.photo.attribution,
            "value": row.value,
            "hidden": row.hidden,
            "felt": row.felt,
            when: getattr(row, when),
        } | ({"mood": row.mood, "place": row.place} if isinstance(row, Rating) else {})


def _visits(visitor: Visitor) -> Iterator[Row]:
    for visit in visitor.visits.order_by("pk").iterator(chunk_size=100):
        yield {
            "mood": visit.mood,
            "sort": visit.sort,
            "filters": visit.filters,
            "started_at": visit.started_at,
            "last_at": visit.last_at,
            "shown": visit.shown,
        }


def _taste(visitor: Visitor) -> Iterator[Row]:
    """Means and standard deviations of the posteriors, under each network that learnt something."""
    for row in visitor.tastes.select_related("network").order_by("pk"):
        learnt = learning.taste_of(visitor.pk, row.network_id, interface.prior(row.network_id))
        for name, posterior in _posteriors(learnt):
            spread = np.sqrt(np.diag(np.linalg.inv(posterior.precision)))
            yield {
                "network": row.network.name,
                "of": name,
                "observations": row.observations,
                "mean": [round(float(x), 5) for x in posterior.mean],
                "sd": [round(float(x), 5) for x in spread],
            }


def _posteriors(learnt: learning.Learnt) -> Iterator[tuple[str, Any]]:
    yield "beauty", learnt.beauty
    for place, slug in enumerate(interface.MOODS):
        information = learnt.felt.information[place]
        yield f"felt {slug}", type(learnt.felt)(learnt.felt.precision, information)


ANSWER = {
    "photo": "its number here",
    "source_url": "where it was published",
    "credit": "its creator and licence",
    "value": "1 to 5, or empty",
    "hidden": "whether you said less like this",
    "felt": "the mood that you said you felt",
}
EXPORTERS = [
    Exporter(
        "ratings",
        "What you say of photographs now: marks, less like this, feelings.",
        {**ANSWER, "rated_at": "when", "mood": "the page it was shown on", "place": "its place there, from 0"},
        lambda visitor: _answers(visitor.ratings, "rated_at"),
    ),
    Exporter(
        "rating_history",
        "Every answer that you ever gave, those since changed or taken back too.",
        {**ANSWER, "at": "when"},
        lambda visitor: _answers(visitor.rating_events, "at"),
    ),
    Exporter(
        "reports",
        "What you reported of photographs, and what was decided.",
        {
            "photo": "its number here",
            "reason": "what you said is wrong",
            "note": "what you wrote",
            "reported_at": "when",
            "decision": "what was decided; empty while nobody has",
            "because": "why",
        },
        _reports,
    ),
    Exporter(
        "visits",
        "Your looks through moods, and what was shown.",
        {
            "mood": "which mood",
            "sort": "in which order",
            "filters": "which photographs were left out, or from where to where a journey led",
            "started_at": "when it began",
            "last_at": "when its last page was turned",
            "shown": "numbers of the photographs in the order of their places",
        },
        _visits,
    ),
    Exporter(
        "taste",
        "What was learnt of you, as numbers: weights over 64 numbers that a network gives each photograph, one that is"
        " always 1, its beauty, pleasantness and arousal.",
        {
            "network": "which network",
            "of": "beauty, or a feeling",
            "observations": "answers it was learnt from",
            "mean": "the weights",
            "sd": "how unsure each is",
        },
        _taste,
    ),
]


def register() -> None:
    """Tell accounts what the gallery offers; called once at the start."""
    register_moods([Mood(slug, mood.name, mood.opt_in) for slug, mood in MOODS.items()])
    register_eraser(forget)
    for exporter in EXPORTERS:
        register_exporter(exporter)
