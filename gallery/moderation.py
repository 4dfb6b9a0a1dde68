"""Reads for whoever reports and whoever decides: what became of a report, and the queue. Each says its queries."""

from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from gallery import reports, safety
from gallery.models import Decision, Photo, Report, SafetyCheck
from gallery.models.photos import PhotoQuerySet

WAYS = {"open": "To decide", "held": "Held", "hidden": "Hidden by a decision"}
_Kind = Decision.Kind


@dataclass(frozen=True)
class Told:
    """What a report's page says: a heading, one sentence, and why."""

    heading: str
    sentence: str
    because: str = ""


DECIDED = {
    _Kind.KEEP: Told("Kept", "A person looked at it and left the photograph as it is."),
    _Kind.SENSITIVE: Told("Marked as sensitive", "The photograph is blurred now until somebody asks for it."),
    _Kind.MOOD: Told("Noted", "The wrong mood is noted: the networks do not learn this mood from it any more."),
    _Kind.RESCORE: Told("Looked at anew", "The network looks at the photograph anew and may place it elsewhere."),
    _Kind.HOLD: Told("Not shown", "The photograph is not shown while it is looked into further."),
    _Kind.HIDE: Told("Hidden", "The photograph is not shown any more."),
    _Kind.REMOVE: Told("Taken down", "The photograph was taken down for good and does not come back."),
}
GONE = Told("Taken down", "The photograph was taken down meanwhile.")
HELD = Told("Received", "Until a person has looked at it, the photograph is not shown.")
MARKED = Told("Received", "Until a person has looked at it, the photograph is blurred.")
AGAIN = Told("Looked at again", "An earlier decision was taken back: a person looks at it once more.")
OPEN = Told("Received", "A person looks at the photograph and decides.")


def told(report: Report) -> Told:
    """What became of a report, its photograph and decision in hand (at most two queries)."""
    if report.decision is not None:
        known = DECIDED[_Kind(report.decision.kind)]
        return Told(known.heading, known.sentence, report.decision.reason)
    if report.photo.status == Photo.Status.REMOVED:
        return GONE
    made = Decision.objects.filter(photo=report.photo)
    if made.filter(automatic=False, taken_back_at__gte=report.reported_at).exists():
        return AGAIN
    latest = made.filter(taken_back_at=None).order_by("-pk").first()
    if latest is None or not latest.automatic:
        return OPEN
    return HELD if latest.kind == _Kind.HOLD else MARKED


@dataclass
class Case:
    """A photograph in the queue: who says what of it, what the safety model says, what was decided so far."""

    photo: Photo
    reports: list[Report] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    unsafe: float | None = None

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """What is said of it and by how many, the most urgent first."""
        counts: dict[str, int] = defaultdict(int)
        for report in sorted(self.reports, key=lambda one: reports.URGENCY[one.reason]):
            counts[report.get_reason_display()] += 1
        return list(counts.items())

    @property
    def notes(self) -> list[Report]:
        return [report for report in self.reports if report.note]

    @property
    def per_cent(self) -> int | None:
        return None if self.unsafe is None else round(100 * self.unsafe)

    @property
    def latest(self) -> Decision | None:
        """The decision that can be taken back."""
        return next((one for one in self.decisions if one.taken_back_at is None), None)


def waiting(way: str = "open") -> PhotoQuerySet:
    """Photographs to decide on, the most urgent first and the longest waiting before others; or held, or hidden."""
    photos = Photo.objects.exclude(status=Photo.Status.REMOVED)
    if way != "open":
        status = Photo.Status.HELD if way == "held" else Photo.Status.HIDDEN
        standing = Decision.objects.filter(photo=OuterRef("pk"), taken_back_at=None, after__status=status)
        return photos.filter(Exists(standing), status=status).order_by("-pk")
    # The few that wait, found by indices before anything is asked of them: a collection may hold a million others.
    open_ones = Report.objects.filter(decision=None)
    waits = open_ones.order_by().values("photo").union(flags().order_by().values("photo"))
    said = open_ones.filter(photo=OuterRef("pk"))
    urgency = {f"is_{reason}": Exists(said.filter(reason=reason)) for reason in reports.URGENCY}
    flagged = Exists(flags().filter(photo=OuterRef("pk")))
    oldest = Subquery(said.order_by("pk").values("pk")[:1])
    found = photos.filter(pk__in=waits).annotate(**urgency, flagged=flagged, oldest=oldest)
    first, second, *others = (f"-{name}" for name in urgency)
    return found.order_by(first, second, "-flagged", *others, "oldest", "pk")


def flags() -> QuerySet[SafetyCheck]:
    """What the safety model found worth a look, on photographs about which no person has decided."""
    decided = Decision.objects.filter(photo=OuterRef("photo"), automatic=False, taken_back_at=None)
    shown = (Photo.Status.SHOWN, Photo.Status.HELD)
    found = SafetyCheck.objects.filter(model=safety.NAME, unsafe__gte=safety.REVIEW, photo__status__in=shown)
    return found.filter(~Exists(decided)).exclude(photo__status=Photo.Status.SHOWN, photo__sensitive=True)


def cases(photos: list[Photo]) -> list[Case]:
    """The queue's photographs with all that is said of them (four queries)."""
    found = {photo.pk: Case(photo) for photo in photos}
    for report in Report.objects.filter(photo__in=found, decision=None).order_by("pk"):
        found[report.photo_id].reports.append(report)
    for decision in Decision.objects.filter(photo__in=found).select_related("by", "taken_back_by").order_by("-pk"):
        found[decision.photo_id].decisions.append(decision)
    for check in SafetyCheck.objects.filter(photo__in=found, model=safety.NAME):
        found[check.photo_id].unsafe = check.unsafe
    return list(found.values())
