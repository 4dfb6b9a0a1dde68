"""How far a crawl has come, counted from its rows: the same on a terminal and in the admin."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Count, Q, Sum
from django.utils import timezone

from gallery.collect import batch
from gallery.models import Candidate, Crawl, Slice

SPAN = timedelta(minutes=10)  # over which the speed is measured
SENTENCES = {
    **batch.SENTENCES,
    "two_moods": "its words name two moods",
    "duplicate": "the same bytes are here already",
    "unknown_licence": "under a licence that is not known here",
    "no_address": "without an address of a file",
    "no_photograph": "no photograph",
    "no_id": "without an id",
}


@dataclass(frozen=True)
class Progress:
    """Counts of one crawl. eta: seconds for what waits now, at the speed of late; None where nothing came of late."""

    slices: int
    slices_done: int
    slices_failed: int
    out_of_reach: int
    calls: int
    candidates: int
    waiting: int
    stored: int
    failed: int
    bytes: int
    rejected: dict[str, int] = field(default_factory=dict)
    eta: float | None = None
    ended: bool = False

    def lines(self) -> list[str]:
        """What a person wants to know: a count and what it counts in each line."""
        lines = [
            f"{self.slices_done:7}  of {self.slices} slices done, with {self.calls} calls",
            f"{self.candidates:7}  candidates",
            f"{self.stored:7}  stored ({self.bytes / 1e6:.1f} MB)",
        ]
        others = [
            (self.waiting, self._waiting()),
            (self.failed, "failed for now: the same command with --retry tries them again"),
            (self.slices_failed, "slices failed for now: the same command with --retry tries them again"),
            (self.out_of_reach, "slices hold more than the source serves"),
        ]
        lines += [f"{count:7}  {what}" for count, what in others if count]
        reasons = sorted(self.rejected.items(), key=lambda item: -item[1])
        return lines + [f"{count:7}  rejected, {SENTENCES.get(name, name)}" for name, count in reasons]

    def _waiting(self) -> str:
        if self.ended:
            return "not fetched: no more were wanted"
        return "waiting" + (f" (about {timedelta(seconds=round(self.eta))})" if self.eta else "")


def progress(crawl: Crawl) -> Progress:
    """Two queries over the crawl's rows and one over the last minutes'."""
    slices = crawl.slices.aggregate(
        all=Count("pk"),
        done=Count("pk", filter=Q(state__in=(Slice.State.DONE, Slice.State.SPLIT))),
        failed=Count("pk", filter=Q(state=Slice.State.FAILED)),
        beyond=Count("pk", filter=Q(out_of_reach=True)),
        calls=Sum("calls", default=0),
    )
    counts = dict.fromkeys(Candidate.State.values, 0)
    rejected: dict[str, int] = {}
    size = 0
    rows = crawl.candidates.values("state", "rejected_because").annotate(n=Count("pk"), size=Sum("bytes", default=0))
    for row in rows.order_by():
        counts[row["state"]] += row["n"]
        if row["state"] == Candidate.State.STORED:
            size += row["size"]
        elif row["state"] == Candidate.State.REJECTED:
            rejected[row["rejected_because"]] = row["n"]
    _add_unusable(crawl, rejected)
    return Progress(
        slices=slices["all"],
        slices_done=slices["done"],
        slices_failed=slices["failed"],
        out_of_reach=slices["beyond"],
        calls=slices["calls"],
        candidates=sum(counts.values()),
        waiting=counts["waiting"],
        stored=counts["stored"],
        failed=counts["failed"],
        bytes=size,
        rejected=rejected,
        eta=_eta(crawl, counts["waiting"]),
        ended=crawl.state in (Crawl.State.DONE, Crawl.State.CANCELLED),
    )


def _add_unusable(crawl: Crawl, rejected: dict[str, int]) -> None:
    """Records that could not even become candidates."""
    for unusable in crawl.slices.exclude(unusable={}).values_list("unusable", flat=True):
        for name, count in unusable.items():
            rejected[name] = rejected.get(name, 0) + count


def _eta(crawl: Crawl, waiting: int) -> float | None:
    start = timezone.now() - SPAN
    late = crawl.candidates.filter(settled_at__gte=start).exclude(rejected_because="two_moods").count()
    began = max(start, crawl.asked_at)
    seconds = (timezone.now() - began).total_seconds()
    return waiting * seconds / late if late and waiting else None
