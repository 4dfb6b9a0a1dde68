"""Named reads for the pages. Each says how many queries it makes; none makes one per photograph."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.utils import timezone
from pgvector.django import CosineDistance

from accounts.models import Visitor
from gallery import actions, journeys, licences
from gallery.models import Photo, Rating, RatingEvent, Score, Visit
from gallery.moods import MOODS, Mood
from gallery.rank import learning, ranking, shortlist
from ml import interface

SIMILAR = 8
CLOUD = 400  # dots of the affect plane: enough for its shape
PLANE = (300, 200)  # its width and height
UPRIGHT = 1.1  # width by height below which a photograph fits an upright panel well
CHOICES = 8  # how far down its mood's order a panel looks for one
LEAST_PART = 0.05  # a part that rounds to nothing is not told


@dataclass(frozen=True)
class Shown:
    """A photograph in its place on a page, and what this visitor said of it."""

    photo: Photo
    rating: Rating | None
    place: int


@dataclass(frozen=True)
class Panel:
    """A mood on the home page: its photograph (None where there is none yet), and whether it is veiled."""

    mood: Mood
    photo: Photo | None
    veiled: bool


@dataclass(frozen=True)
class Bar:
    mood: Mood
    share: float

    @property
    def per_cent(self) -> str:
        return "under 1" if self.share < 0.005 else f"{self.share:.0%}".removesuffix("%")


@dataclass(frozen=True)
class Part:
    """One line of what brought a photograph to its place."""

    name: str
    amount: str
    is_sum: bool = False


@dataclass(frozen=True)
class Why:
    """Everything that the photo page says about a photograph's scores. x, y, cloud: on the affect plane."""

    bars: list[Bar]
    valence: float
    arousal: float
    x: float
    y: float
    cloud: str
    reasons: ranking.Reasons | None
    parts: list[Part]
    sentence: str


def visitor(visitor_id: uuid.UUID | None) -> Visitor | None:
    """The visitor of a cookie, if it ever did anything worth keeping (one query, none without a cookie)."""
    return Visitor.objects.filter(pk=visitor_id).first() if visitor_id else None


def photographs(ids: Sequence[int]) -> list[Photo]:
    """Photographs on show with their renditions, in the order of ids, less those taken down (two queries)."""
    found = Photo.objects.by_default().with_renditions().in_bulk(ids)
    return [found[i] for i in ids if i in found]


def wall(page: actions.Page, visitor_id: uuid.UUID | None) -> tuple[list[Shown], list[Shown]]:
    """A page's photographs, those that fit and the loose ones, with this visitor's answers (three queries)."""
    answers = (
        {r.photo_id: r for r in Rating.objects.filter(visitor_id=visitor_id, photo_id__in=page.ids)}
        if visitor_id
        else {}
    )
    places = {photo_id: page.first_place + i for i, photo_id in enumerate(page.ids)}
    shown = [Shown(photo, answers.get(photo.pk), places[photo.pk]) for photo in photographs(page.ids)]
    tight_until = page.first_place + len(page.ids) - page.loose
    return [s for s in shown if s.place < tight_until], [s for s in shown if s.place >= tight_until]


def rating(visitor_id: uuid.UUID | None, photo: Photo) -> Rating | None:
    """What a visitor said of a photograph (one query)."""
    return Rating.objects.filter(visitor_id=visitor_id, photo=photo).first() if visitor_id else None


def answers_lately(who: Visitor) -> int:
    """How many answers a visitor gave within the last minute (one query)."""
    return RatingEvent.objects.filter(visitor=who, at__gte=timezone.now() - timedelta(minutes=1)).count()


def panels(visitor_id: uuid.UUID | None, *, veiled: Collection[str]) -> list[Panel]:
    """The six moods, each with the best photograph not seen by this visitor, none twice (four queries)."""
    seen, arrays = _seen(visitor_id), shortlist.current()
    orders = {slug: _unseen(slug, seen, arrays) for slug in MOODS}
    facts = _facts({i for ids in orders.values() for i in ids})
    chosen: dict[str, int] = {}
    for slug, ids in orders.items():
        free = [i for i in ids if i in facts and i not in chosen.values()][:CHOICES]
        if free:
            chosen[slug] = next((i for i in free if facts[i] < UPRIGHT), free[0])
    photos = {photo.pk: photo for photo in photographs(list(chosen.values()))}
    return [Panel(mood, photos.get(chosen.get(slug, 0)), slug in veiled) for slug, mood in MOODS.items()]


def _seen(visitor_id: uuid.UUID | None) -> set[int]:
    looks = Visit.objects.exclude(sort=journeys.SORT)
    shown = looks.filter(visitor_id=visitor_id).values_list("shown", flat=True) if visitor_id else ()
    return {photo_id for ids in shown for photo_id in ids}


def _unseen(slug: str, seen: set[int], arrays: shortlist.Arrays | None) -> list[int]:
    """The first of a mood's order that were not seen; from its beginning again once all were."""
    if arrays is None:
        return []
    page = actions.generic_page(mood=slug, number=1, arrays=arrays)
    ids = page.ids[: len(page.ids) - page.loose] or page.ids
    return [i for i in ids if i not in seen] or ids


def _facts(ids: Iterable[int]) -> dict[int, float]:
    """Width by height of those among ids that may be cut to fit a panel: their licence allows derivatives."""
    whole = [slug for slug, licence in licences.LICENCES.items() if licence.no_derivatives]
    rows = (
        Photo.objects.by_default()
        .filter(pk__in=list(ids))
        .exclude(licence__in=whole)
        .values_list("pk", "width", "height")
    )
    return {pk: width / height for pk, width, height in rows}


def one_of(slug: str) -> Photo | None:
    """The first photograph of a mood's generic order: for a veil, or to put beside a sentence about what went wrong."""
    ids = actions.generic_page(mood=slug, number=1).ids[:1]
    return next(iter(photographs(ids)), None)


def neighbours(visitor_id: uuid.UUID | None, slug: str, photo_id: int) -> tuple[int | None, int | None]:
    """The photographs before and after one in this visitor's latest look through a mood (one query)."""
    looks = Visit.objects.filter(mood=slug).exclude(sort=journeys.SORT).order_by("-last_at")
    visit = looks.filter(visitor_id=visitor_id).first() if visitor_id else None
    ids = [*visit.shown, *visit.upcoming] if visit else actions.generic_page(mood=slug, number=1).ids
    if photo_id not in ids:
        return None, None
    place = ids.index(photo_id)
    return (ids[place - 1] if place else None), (ids[place + 1] if place + 1 < len(ids) else None)


def score(photo: Photo) -> Score | None:
    """A photograph's score by the network that orders the pages, or None while it waits for it (two queries)."""
    arrays = shortlist.current()
    network_id = arrays.network_id if arrays is not None else interface.active().id
    return Score.objects.filter(photo=photo, network_id=network_id).first()


def similar(photo: Photo, of: Score) -> list[Photo]:
    """The nearest by the network's embedding, on show, not sensitive, none of the same cluster twice (three queries).

    Exact: no index is used, so the filters never leave too few.
    """
    near = (
        Score.objects.filter(network_id=of.network_id, photo__in=Photo.objects.by_default())
        .exclude(photo=photo)
        .order_by(CosineDistance("embedding", of.embedding))
        .values_list("photo_id", "photo__cluster")
    )
    ids: list[int] = []
    clusters = {photo.cluster or photo.pk}
    for photo_id, cluster in near[: SIMILAR * 4]:
        if (cluster or photo_id) not in clusters:
            clusters.add(cluster or photo_id)
            ids.append(photo_id)
    return photographs(ids[:SIMILAR])


def strongest(of: Score | None) -> Mood:
    """The mood that the network sees most of; the first where there is no score."""
    slug = interface.MOODS[int(np.argmax(of.moods))] if of else interface.MOODS[0]
    return MOODS[slug]


def why(of: Score, mood: Mood, visitor_id: uuid.UUID | None) -> Why:
    """The scores of a photograph in words and places, for this visitor (at most three queries).

    All of it by the network that gave the score, even where another one began to rank meanwhile.
    """
    bars = sorted(
        (Bar(MOODS[slug], share) for slug, share in zip(interface.MOODS, of.moods, strict=True)), key=lambda b: -b.share
    )
    arrays = shortlist.of(of.network_id)
    reasons = _reasons(arrays, of, mood, visitor_id)
    x, y = _place(of.valence, of.arousal)
    return Why(
        bars=bars,
        valence=of.valence,
        arousal=of.arousal,
        x=x,
        y=y,
        cloud=arrays.once("cloud", lambda: _cloud(arrays)) if arrays is not None else "",
        reasons=reasons,
        parts=_parts(reasons, mood) if reasons else [],
        sentence=_sentence(reasons, mood) if reasons else "",
    )


def _reasons(
    arrays: shortlist.Arrays | None, of: Score, mood: Mood, visitor_id: uuid.UUID | None
) -> ranking.Reasons | None:
    """Why it stands where it stands on this mood's page, by what is known of the visitor without luck."""
    if arrays is None:
        return None
    prior, place = interface.prior(of.network_id), interface.MOODS.index(mood.slug)
    beauty = felt = None
    if visitor_id is not None:
        learnt = learning.taste_of(visitor_id, of.network_id, prior)
        beauty, felt = learnt.beauty.mean, learnt.felt.mean[place]
    return ranking.explain(arrays, of.photo_id, place, float(prior.floor[place]), beauty=beauty, felt=felt)


def _parts(reasons: ranking.Reasons, mood: Mood) -> list[Part]:
    """What each part added to the rank, in standard deviations of beauty, and their sum."""
    parts = [
        (f"How much it evokes {mood.name.lower()}", reasons.fit),
        ("What you felt on photographs like it", reasons.felt),
        ("How beautiful people find it", reasons.beauty),
        ("What you like", reasons.taste),
    ]
    said = [Part(name, f"{amount:+.1f}") for name, amount in parts if abs(amount) >= LEAST_PART]
    return [*said, Part("Together", f"{sum(amount for _, amount in parts):+.1f}", is_sum=True)]


def _sentence(reasons: ranking.Reasons, mood: Mood) -> str:
    """Its beauty and its place among the photographs that fit the mood, in words."""
    name = mood.name.lower()
    beauty = f"More beautiful than {reasons.percentile:.0f} % of the photographs of {name} here."
    moved = reasons.generic_place - reasons.place
    if reasons.place > reasons.among:
        return f"It fits {name} loosely."
    place = f"It is number {reasons.place} of {reasons.among}"
    if not moved:
        return f"{beauty} {place}."
    way = f"your answers {'raised' if moved > 0 else 'lowered'} it by {abs(moved)}"
    return f"{beauty} {place}: {way} {'place' if abs(moved) == 1 else 'places'}."


def _place(valence: float, arousal: float) -> tuple[float, float]:
    """A point of the affect plane (both 1-7) on its drawing: pleasant to the right, stirring up."""
    width, height = PLANE
    return round((valence - 1) / 6 * width, 1), round(height - (arousal - 1) / 6 * height, 1)


def _cloud(arrays: shortlist.Arrays) -> str:
    """Up to CLOUD photographs as one SVG path of dots."""
    prior = interface.prior(arrays.network_id)
    rows = np.linspace(0, len(arrays.ids) - 1, min(CLOUD, len(arrays.ids))).astype(int)
    valence = arrays.valence[rows] * prior.scale[1] + prior.center[1]
    arousal = arrays.arousal[rows] * prior.scale[2] + prior.center[2]
    places = (_place(float(v), float(a)) for v, a in zip(valence, arousal, strict=True))
    return "".join(f"M{x:.0f} {y:.0f}h0" for x, y in places)


def count() -> int:
    """How many photographs are shown unasked (one query)."""
    return Photo.objects.by_default().count()


def nothing_scored() -> bool:
    """Whether no photograph can be ordered yet."""
    arrays = shortlist.current()
    return arrays is None or not len(arrays.ids)
