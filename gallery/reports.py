"""Verbs on reported photographs: report, decide, take back. One transaction each.

Decisions on a photograph are a pile: each keeps what it found and what it left, and the uppermost that stands can be
taken back. Automatic ones (a child in the picture, several people's word) last until a person decides on top of them.
Nobody empties the site with reports: a reporter has a LIMIT, holds few photographs a day by one word (HOLDS), and where
several people's word counts each counts once, a second one from the same address not at all, and somebody whose
reports were found wanting little (`weight`).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User, Visitor
from gallery.collect import removals
from gallery.collect.quota import Bucket, Limit
from gallery.models import Decision, Photo, Quota, Report, Score, ScoringFailure, Takedown
from gallery.rank import learning

LIMIT = Limit(calls=30, seconds=86_400, burst=10)
HOLDS = Limit(calls=3, seconds=86_400, burst=2)  # two at once, never more than three in any day
MOST_HELD = 200  # photographs held by one person's word each that nobody decided yet; further ones are only queued
# One photograph from one address: the second is heard and not counted, for a month.
ONCE = Limit(calls=2, seconds=2 * 30 * 86_400, burst=1)
BUCKETS = ("report", "report-hold")
BUCKET_ONCE = "report-once"
IDLE, IDLE_ONCE = timedelta(days=2), timedelta(days=31)
ENOUGH = 3.0  # weighted people whose word alone marks or holds a photograph until somebody decides

_Kind, _Reason = Decision.Kind, Report.Reason
# What several people's word does: the reasons that are counted together, and the decision.
BY_MANY: tuple[tuple[tuple[str, ...], str], ...] = (
    ((_Reason.SENSITIVE, _Reason.DISTRESSING), _Kind.SENSITIVE),
    ((_Reason.PERSON,), _Kind.HOLD),
    ((_Reason.BROKEN,), _Kind.HOLD),
)
URGENCY = {reason: place for place, reason in enumerate(_Reason.values)}  # 0 first


class ReportError(Exception):
    """Something that cannot be decided as it is, in one sentence for whoever decides."""


@dataclass(frozen=True)
class Reporter:
    """Who reports: their visitor, and a hash of their address that cannot be turned back into it."""

    visitor: Visitor
    address: str

    def may(self, bucket: str, limit: Limit) -> float:
        """0 if both the visitor and the address may once more, else the seconds to wait."""
        return Bucket(bucket, f"visitor {self.visitor.pk}", limit).take() or Bucket(bucket, self.address, limit).take()


def may_report(reporter: Reporter) -> float:
    """0 if one more report may come from this visitor and address, else the seconds to wait."""
    return reporter.may(BUCKETS[0], LIMIT)


def already(*, photo: Photo, visitor: Visitor, reason: str) -> Report | None:
    """What this visitor reported of this photograph for this reason, ever."""
    return Report.objects.filter(photo=photo, visitor=visitor, reason=reason).first()


@transaction.atomic
def report(*, photo: Photo, reporter: Reporter, reason: str, note: str = "") -> Report:
    """Keep a report, once a visitor, photograph and reason; hold or mark the photograph where that must not wait."""
    photo = Photo.objects.select_for_update(no_key=True).get(pk=photo.pk)
    kept, made = Report.objects.get_or_create(
        photo=photo, visitor=reporter.visitor, reason=reason, defaults={"note": note}
    )
    if not made:
        return kept
    kept.counts = not Bucket(BUCKET_ONCE, f"{photo.pk} {reason} {reporter.address}", ONCE).take()
    kept.save(update_fields=["counts"])
    if reason == _Reason.PERSON and kept.counts and not _was_judged(photo, [reason]):
        _hold_by_one(photo, reporter)
    _by_many(photo)
    return kept


def _hold_by_one(photo: Photo, reporter: Reporter) -> None:
    """Hold it, unless that is asked for too often: by this reporter, or by everybody."""
    open_ones = Report.objects.filter(reason=_Reason.PERSON, decision=None, photo__status=Photo.Status.HELD)
    if open_ones.values("photo").distinct().count() >= MOST_HELD:
        return
    if photo.status == Photo.Status.SHOWN and not reporter.may(BUCKETS[1], HOLDS):
        automatically(photo, _Kind.HOLD, "Somebody says that it shows a child or a private person.")


def _by_many(photo: Photo) -> None:
    """Mark or hold a photograph of which enough people say the same; not again once a person has decided on that."""
    for reasons, kind in BY_MANY:
        found = Report.objects.filter(photo=photo, reason__in=reasons, decision=None, counts=True)
        who = set(found.exclude(visitor=None).values_list("visitor_id", flat=True))
        if len(who) >= ENOUGH and not _was_judged(photo, reasons) and sum(_weights(who)) >= ENOUGH:
            automatically(photo, kind, f"{len(who)} people reported it.")


def _was_judged(photo: Photo, reasons: Iterable[str]) -> bool:
    """Whether a person decided already on such a report of this photograph: their word stands against a crowd's."""
    return Report.objects.filter(photo=photo, reason__in=reasons, decision__taken_back_at=None).exclude(
        decision=None
    ).exists()  # fmt: skip


def weight(founded: int, unfounded: int) -> float:
    """How much a reporter's word counts, 0-1: the share of their decided reports that held good, and one more."""
    return (founded + 1) / (founded + unfounded + 1)


def _weights(visitors: Iterable[Any]) -> list[float]:
    """How much each of these visitors' word counts (one query)."""
    decided = Report.objects.filter(visitor__in=list(visitors), decision__isnull=False)
    records = {visitor: [0, 0] for visitor in visitors}
    for visitor, kind in decided.values_list("visitor_id", "decision__kind"):
        records[visitor][kind == _Kind.KEEP] += 1
    return [weight(founded, unfounded) for founded, unfounded in records.values()]


def automatically(photo: Photo, kind: str, reason: str) -> Decision | None:
    """Hold a photograph, or mark it as sensitive, until a person decides. None where that would change nothing.

    Within a transaction that has locked the photograph's row.
    """
    before = _facts(photo)
    after = before | ({"status": Photo.Status.HELD} if kind == _Kind.HOLD else {"sensitive": True})
    if photo.status != Photo.Status.SHOWN or after == before:
        return None
    _write(photo, after)
    return Decision.objects.create(photo=photo, kind=kind, automatic=True, reason=reason, before=before, after=after)


@transaction.atomic
def decide(*, photo: Photo, kind: str, by: User, reason: str) -> Decision:
    """Decide on a photograph; all its open reports are answered by that. Raises ReportError."""
    photo = _locked(photo)
    if photo.status == Photo.Status.REMOVED:
        raise ReportError("It was taken down already.")
    before, standing = _facts(photo), list(Decision.objects.filter(photo=photo, taken_back_at=None).order_by("pk"))
    decision = Decision(photo=photo, kind=kind, by=by, reason=reason, before=before)
    after = _found(before, standing) | _CHANGES[kind]
    if kind == _Kind.REMOVE:
        _write(photo, after)  # so that a removal taken back finds it as it was before what was automatic
        decision.takedown = removals.ask(photo=photo, hide=False, reason="Reported by visitors.")
        removals.grant(decision.takedown, by=by, decision=reason)
        photo.refresh_from_db()
        after = _facts(photo)
    else:
        _write(photo, after)
    if kind == _Kind.RESCORE:
        _forget_scores(photo)
    decision.after = after
    decision.save()
    Report.objects.filter(photo=photo, decision=None).update(decision=decision)
    return decision


_CHANGES: dict[str, dict[str, Any]] = {
    _Kind.KEEP: {},
    _Kind.SENSITIVE: {"sensitive": True},
    _Kind.MOOD: {"mood_tag": ""},  # the word of its source teaches no network any more
    _Kind.RESCORE: {},
    _Kind.HOLD: {"status": Photo.Status.HELD},
    _Kind.HIDE: {"status": Photo.Status.HIDDEN},
    _Kind.REMOVE: {},
}


def _found(now: dict[str, Any], standing: list[Decision]) -> dict[str, Any]:
    """The photograph as it would be without what was automatic, and on show if only decisions keep it from that."""
    found = dict(now)
    if not standing or standing[-1].after.get("status") != now["status"]:
        return found  # somebody changed it elsewhere since
    found["status"] = standing[0].before["status"]
    for decision in reversed(standing):
        if not decision.automatic:
            break
        found["sensitive"] = decision.before["sensitive"]
    return found


@transaction.atomic
def take_back(*, decision: Decision, by: User, reason: str) -> None:
    """Undo the latest decision that stands: the photograph is as it was before, its reports are open again.

    Raises ReportError for any other decision.
    """
    photo = _locked(decision.photo)
    decision = Decision.objects.select_for_update().get(pk=decision.pk)
    if decision.taken_back_at is not None:
        raise ReportError("This decision was taken back already.")
    if Decision.objects.filter(photo=photo, pk__gt=decision.pk, taken_back_at=None).exists():
        raise ReportError("Another decision was made since: take that one back first.")
    _undo(decision, photo, by, reason)
    decision.taken_back_at, decision.taken_back_by, decision.taken_back_because = timezone.now(), by, reason
    decision.save()
    decision.reports.update(decision=None)


def _undo(decision: Decision, photo: Photo, by: User, reason: str) -> None:
    """Each of the photograph's facts as the decision found it, unless it was changed elsewhere since."""
    if decision.takedown is not None:
        if decision.takedown.state == Takedown.State.GRANTED:  # else that was taken back under Takedowns already
            _bring_back(decision, decision.takedown, photo, by, reason)
        return
    now = _facts(photo)
    _write(photo, {name: decision.before[name] if now[name] == decision.after[name] else now[name] for name in now})


def _bring_back(decision: Decision, takedown: Takedown, photo: Photo, by: User, reason: str) -> None:
    removals.reverse(takedown, by=by, decision=reason)
    photo.refresh_from_db()
    if photo.status == Photo.Status.REMOVED:
        raise ReportError("Another request took it down as well: take that back under Takedowns first.")
    if photo.removed_because != removals.FILES_DELETED:
        _write(photo, decision.before)


def _locked(photo: Photo) -> Photo:
    """The photograph as it is now, for one decision at a time. Raises ReportError while another request holds it."""
    photo = Photo.objects.select_for_update(no_key=True).get(pk=photo.pk)
    if removals.is_asked_for(photo.pk):
        raise ReportError("Somebody asked that it be taken down: decide that under Takedowns first.")
    return photo


def _facts(photo: Photo) -> dict[str, Any]:
    """What a decision may change."""
    return {"status": str(photo.status), "sensitive": photo.sensitive, "mood_tag": photo.mood_tag}


def _write(photo: Photo, facts: dict[str, Any]) -> None:
    for name, value in facts.items():
        setattr(photo, name, value)
    photo.save(update_fields=list(facts))


def _forget_scores(photo: Photo) -> None:
    """Scores are made anew, and what was learnt from them is learnt anew from all ratings."""
    for network_id in Score.objects.filter(photo=photo).values_list("network_id", flat=True):
        learning.start_anew(network_id, [photo.pk])
    Score.objects.filter(photo=photo).delete()
    ScoringFailure.objects.filter(photo=photo).delete()


def move(anonymous: Visitor, member: Visitor) -> int:
    """A member's own report of a photograph and reason stays; the rest comes along; none of them is a rating."""
    own: dict[int, set[str]] = defaultdict(set)
    for photo_id, reason in Report.objects.filter(visitor=member).values_list("photo_id", "reason"):
        own[photo_id].add(reason)
    for kept in Report.objects.filter(visitor=anonymous):
        kept.visitor = None if kept.reason in own[kept.photo_id] else member
        kept.counts &= kept.visitor is not None
        kept.save(update_fields=["visitor", "counts"])
    return 0


def forget(visitor: Visitor) -> None:
    """A report stands, for the photograph's sake, with neither who made it nor their words; it counts no more."""
    Report.objects.filter(visitor=visitor).update(visitor=None, note="", counts=False)


def purge(now: datetime | None = None) -> None:
    """Forget hashes of addresses that are needed no more."""
    now = now or timezone.now()
    for bucket, idle in ((BUCKETS[0], IDLE), (BUCKETS[1], IDLE), (BUCKET_ONCE, IDLE_ONCE)):
        Quota.objects.filter(key__startswith=f"{bucket}:", updated_at__lte=now - idle).delete()
