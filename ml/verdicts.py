"""What the gate said of networks, as kept: reads only, light enough for a page."""

from ml.models import Comparison, Network


class NotAccepted(Exception):
    """A network that may not rank the site, or not without a reason; the message is one sentence fit for a page."""


def latest(network_id: int) -> Comparison | None:
    """The newest verdict on a network, whichever network it was held against."""
    found = Comparison.objects.filter(candidate_id=network_id).select_related("candidate", "against")
    return found.order_by("-pk").first()


def refuse_unaccepted(network: Network, *, reason: str, forced: bool) -> None:
    """Raise NotAccepted where a network may not take over: not accepted against the network that ranks now.

    Force needs a reason. A network that ranked before needs no verdict: it is known.
    """
    if forced:
        if not reason.strip():
            raise NotAccepted("To promote a network by force, say why.")
        return
    refusal = why_not(network)
    if refusal:
        raise NotAccepted(refusal)


def why_not(network: Network) -> str:
    """Why a network may not take over without force, in a sentence; "" where it may."""
    if network.promotions.filter(live_at__isnull=False).exists():
        return ""
    found = latest(network.pk)
    if found is None:
        return f"{network.name} was not compared with the network that ranks: compare it first, or promote it by force."
    if found.against.state != Network.State.ACTIVE:
        return f"{network.name} was compared with {found.against.name}, which ranks no more: compare it anew."
    return "" if found.accepted else f"{network.name} was not accepted. {found.reason}"
