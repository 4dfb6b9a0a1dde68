"""Which network ranks the site, which is on its way in, which stands by: their states, changed one at a time.

    candidate -> incoming -> active -> standby -> retired        (each but the active one can be let in again)

Every change is one transaction behind one advisory lock: no moment has two active networks, or none, and what is
asked for twice happens once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from ml import files, verdicts
from ml.models import Network, Promotion

State = Network.State
RANKING = (State.ACTIVE, State.STANDBY)  # those that pages may be ordered by; in this order, also by name
LOCK = 0x45564F50
SHIPPED = "shipped with Evoke"


@dataclass(frozen=True)
class NetworkInfo:
    """What the gallery needs to know of a network: its row's id and its name."""

    id: int
    name: str


def active() -> NetworkInfo:
    """The network that ranks the site; the shipped one where none was ever promoted."""
    return _only(State.ACTIVE) or _install_shipped()


def incoming() -> NetworkInfo | None:
    """The network that scores the collection before it ranks, unless it is paused."""
    found = _only(State.INCOMING)
    return found if found is not None and not _is_paused(found.id) else None


def standby() -> NetworkInfo | None:
    """The network that ranked last, kept ready to do so again."""
    return _only(State.STANDBY)


def network(network_id: int) -> NetworkInfo:
    """A network by its row's id. Raises Network.DoesNotExist."""
    return NetworkInfo(*Network.objects.values_list("pk", "name").get(pk=network_id))


def to_score() -> list[NetworkInfo]:
    """The networks by which every photograph needs scores now: the active one first, then standby, then incoming."""
    first = active()
    _take_newer_shipped()
    return [first, *filter(None, (standby(), incoming()))]


def scores_now(network_id: int) -> bool:
    """Whether a network still is one of those (one query or two): its scoring ends when it is paused or called off."""
    state = Network.objects.filter(pk=network_id).values_list("state", flat=True).first()
    return state in (State.ACTIVE, State.STANDBY) or (state == State.INCOMING and not _is_paused(network_id))


def in_use() -> list[int]:
    """Ids of the networks that follow what visitors say: active, standby, and incoming even while it is paused."""
    return list(
        Network.objects.filter(state__in=(State.ACTIVE, State.STANDBY, State.INCOMING)).values_list("pk", flat=True)
    )


def promote(network_id: int, *, actor, reason: str = "", forced: bool = False) -> None:
    """Let a network in: it scores the collection first and ranks it once every photograph has its scores.

    The network that ranks now goes on until then. Another one on its way in is called off.
    Raises NotAccepted for one that the gate did not accept, unless it is forced, with a reason.
    """
    with _one_at_a_time():
        row = Network.objects.get(pk=network_id)
        if row.state in (State.ACTIVE, State.INCOMING):
            return
        if actor is not None or reason != SHIPPED:
            verdicts.refuse_unaccepted(row, reason=reason, forced=forced)
        for other in Network.objects.filter(state=State.INCOMING):
            _call_off(other)
        Promotion.objects.create(
            network=row,
            actor=actor,
            reason=reason,
            forced=forced,
            replaced=Network.objects.filter(state=State.ACTIVE).first(),
        )
        _set(row, State.INCOMING)


def pause(network_id: int, *, paused: bool = True) -> bool:
    """Let an incoming network's scoring wait, or go on; whether that changed anything."""
    with _one_at_a_time():
        return bool(_asked(network_id).exclude(paused=paused).update(paused=paused))


def call_off(network_id: int) -> bool:
    """Put an incoming network back where it came from, its scores kept; False if it is not on its way in."""
    with _one_at_a_time():
        row = Network.objects.get(pk=network_id)
        if row.state != State.INCOMING:
            return False
        _call_off(row)
        return True


def arrived(network_id: int, *, missing: int) -> bool:
    """Told how many photographs lack an incoming network's scores; at none, and unless it is paused, it takes over.

    Returns whether it took over now. The network that ranked stands by from then on.
    """
    if missing:
        return False
    with _one_at_a_time():
        row = Network.objects.get(pk=network_id)
        asked = _asked(network_id).filter(paused=False).first()
        if row.state != State.INCOMING or asked is None:
            return False
        _take_over(row, asked)
        return True


def switch_back(network_id: int, *, actor, reason: str = "") -> bool:
    """Let the standby network rank again, at once; False if this one does not stand by (any more)."""
    with _one_at_a_time():
        row = Network.objects.get(pk=network_id)
        if row.state != State.STANDBY:
            return False
        _take_over(row, Promotion.objects.create(network=row, actor=actor, reason=reason))
        return True


def live_on(day: date) -> list[Promotion]:
    """Who ranked the site on a day (UTC), first to last: promotions with network and actor. Empty before the first."""
    start = datetime.combine(day, time.min, UTC)
    end = start + timedelta(days=1)
    rows = list(Promotion.objects.filter(live_at__lt=end).select_related("network", "actor").order_by("live_at", "pk"))
    # Ended when the next began: ended_at is younger than the first rows of an older site.
    pairs = zip(rows, [*rows[1:], None], strict=False)
    return [row for row, following in pairs if following is None or following.live_at > start]  # type: ignore[operator]


def _take_over(row: Network, promotion: Promotion) -> None:
    """`row` ranks from now on, by that promotion. In this order, as each state may be one network's only."""
    now = timezone.now()
    before = Network.objects.filter(state=State.ACTIVE).first()
    _set(row, State.RETIRED)
    Network.objects.filter(state=State.STANDBY).update(state=State.RETIRED)
    if before is not None:
        _set(before, State.STANDBY)
        Promotion.objects.filter(network=before, live_at__isnull=False, ended_at=None).update(ended_at=now)
    _set(row, State.ACTIVE)
    promotion.live_at, promotion.replaced = now, before
    promotion.save(update_fields=["live_at", "replaced"])


def _call_off(row: Network) -> None:
    _asked(row.pk).update(ended_at=timezone.now(), paused=False)
    ranked = Promotion.objects.filter(network=row, live_at__isnull=False).exists()
    _set(row, State.RETIRED if ranked else State.CANDIDATE)


def _asked(network_id: int):
    """The promotion by which a network is on its way in: neither live yet nor ended."""
    return Promotion.objects.filter(network_id=network_id, live_at=None, ended_at=None)


def _is_paused(network_id: int) -> bool:
    return _asked(network_id).filter(paused=True).exists()


def _only(state: str) -> NetworkInfo | None:
    row = Network.objects.filter(state=state).values_list("pk", "name").first()
    return NetworkInfo(*row) if row else None


def _set(row: Network, state: str) -> None:
    row.state = state
    row.save(update_fields=["state"])


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """A transaction that no other change of states runs beside."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield


def _install_shipped() -> NetworkInfo:
    """Make the shipped network the active one, where another process has not just done so."""
    with _one_at_a_time():
        found = _only(State.ACTIVE)
        if found is not None:
            return found
        row = _shipped_row()
        _set(row, State.ACTIVE)
        Promotion.objects.create(network=row, reason=SHIPPED, live_at=timezone.now())
        return NetworkInfo(row.pk, row.name)


def _shipped_row() -> Network:
    """The row of the shipped network. Its file is copied to the others: it outlives a newer version of Evoke."""
    shipped = files.shipped()
    files.copied(shipped, settings.NETWORKS_DIR)
    facts = {"recipe": "starter", "card": shipped.card, "path": f"{shipped.name}{files.SUFFIX}"}
    return Network.objects.get_or_create(name=shipped.name, defaults=facts)[0]


def _take_newer_shipped() -> None:
    """After an update: let the newly shipped network in where a shipped one ranks, else make it a candidate."""
    if Network.objects.filter(name=files.shipped().name).exists():
        return
    row = _shipped_row()
    if Promotion.objects.filter(network_id=active().id, reason=SHIPPED, actor=None).exists():
        promote(row.pk, actor=None, reason=SHIPPED)
