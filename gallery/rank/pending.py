"""What lacks a network's scores, and how fast that becomes less. Reads only; each says what it asks of the server."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from gallery.models import Photo, Score, ScoringFailure
from gallery.models.photos import PhotoQuerySet
from ml import interface

NEWEST = 2000  # scores from which the rate is told
STILL = timedelta(minutes=1)  # without a new score after which nobody is taken to be scoring
# Share of the photographs that the active network can rank which one coming in must be able to rank too: a network
# that gives no numbers for many must not empty the site.
ENOUGH = 0.98


@dataclass(frozen=True)
class Progress:
    """How far a network's scoring of the collection is. rate: photographs a second, None while nobody scores."""

    scored: int
    failed: int
    total: int
    rate: float | None

    @property
    def waiting(self) -> int:
        return max(0, self.total - self.scored - self.failed)

    @property
    def looked_at(self) -> int:
        return min(self.total, self.scored + self.failed)

    @property
    def left_in_words(self) -> str:
        """ "40 seconds", "12 minutes", "3.5 hours"; nothing where that is not known."""
        seconds = 0 if self.left is None else self.left.total_seconds()
        if seconds < 90:
            return f"{max(1, round(seconds))} seconds" if self.left else ""
        return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"

    @property
    def left(self) -> timedelta | None:
        """Time until all have been looked at; None where nobody scores, or nothing waits."""
        return timedelta(seconds=round(self.waiting / self.rate)) if self.rate and self.waiting else None


def scorable() -> PhotoQuerySet:
    """Photographs that need scores: all that were made ready, on show or held."""
    return Photo.objects.exclude(status__in=(Photo.Status.REMOVED, Photo.Status.NEW))


def lacking(network_id: int) -> PhotoQuerySet:
    """Photographs without this network's score or failure, newest last."""
    scored = Score.objects.filter(network_id=network_id)
    failed = ScoringFailure.objects.filter(network_id=network_id)
    without = scorable().exclude(pk__in=scored.values("photo_id")).exclude(pk__in=failed.values("photo_id"))
    return without.order_by("pk")


def waiting() -> int:
    """How many photographs lack a score that they should have now, over all networks."""
    return sum(lacking(network.id).count() for network in interface.to_score())


def progress(network_id: int) -> Progress:
    """How far a network is (four queries)."""
    photos = scorable()
    return Progress(
        scored=photos.filter(pk__in=Score.objects.filter(network_id=network_id).values("photo_id")).count(),
        failed=ScoringFailure.objects.filter(network_id=network_id, photo__in=photos).count(),
        total=photos.count(),
        rate=_rate(network_id),
    )


def _rate(network_id: int) -> float | None:
    """Scores a second among the newest; the first batch only says when the second began."""
    newest = Score.objects.order_by("-pk").values_list("network_id", "scored_at")[:NEWEST]
    times = sorted(at for scored_by, at in newest if scored_by == network_id)
    if not times or times[-1] < timezone.now() - STILL:
        return None
    recent = [at for at in times if at >= times[-1] - STILL]
    seconds = (recent[-1] - recent[0]).total_seconds()
    return _after(recent) / seconds if seconds else None


def _after(times: list[datetime]) -> int:
    """How many came after the first batch: its rows share one transaction, and nearly one time."""
    return sum(at > times[0] + timedelta(milliseconds=50) for at in times)


def shortfall(network_id: int) -> int:
    """How many too few photographs on show a network can rank to take the active one's place; 0 where it may."""
    ranked, mine = (_on_show(i) for i in (interface.active().id, network_id))
    return max(0, int(ENOUGH * ranked) - mine)


def _on_show(network_id: int) -> int:
    return Score.objects.filter(network_id=network_id, photo__in=Photo.objects.on_show()).count()
