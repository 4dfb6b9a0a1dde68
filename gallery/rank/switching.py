"""From one network to another: all that pages need lies ready first, then one transaction in ml changes which is used.

Killed at any moment, the site is ordered by the one or by the other; what lies ready is only read once it ranks.
"""

import logging
from datetime import timedelta
from typing import Any

from django.utils import timezone

from gallery.rank import learning, pending, shortlist
from ml import interface

log = logging.getLogger(__name__)
LATELY = timedelta(days=30)  # visitors who came since are learnt of before the switch, others when they come again
# How old what a standby network would be ranked from may grow: it is read whole for that, so not with every photograph.
READY = timedelta(minutes=10)


def let_in(network: interface.NetworkInfo) -> bool:
    """Let an incoming network rank if nothing lacks its scores; whether it took over now."""
    if pending.lacking(network.id).exists():
        return False
    if missing := pending.shortfall(network.id):
        log.error("%s does not take over: it has no scores for %s photographs too many.", network.name, missing)
        return False
    count = learning.carry_over(network.id, interface.prior(network.id), timezone.now() - LATELY)
    shortlist.write(network.id)
    if not interface.arrived(network.id, missing=0):
        return False
    learning.drop_unused()
    log.info("%s ranks the site now; it has learnt of %s visitors.", network.name, count)
    return True


def switch_back(network_id: int, *, actor: Any, reason: str = "") -> bool:
    """Let the standby network rank again, at once; False if this one does not stand by (any more)."""
    if shortlist.of(network_id) is None:
        shortlist.write(network_id)
    return interface.switch_back(network_id, actor=actor, reason=reason)


def refresh() -> None:
    """Write what pages are ordered from, and from time to time what they would be after switching back."""
    shortlist.write()
    standby = interface.standby()
    if standby is not None:
        shortlist.keep_ready(standby.id, READY)
