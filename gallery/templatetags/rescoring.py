"""The section of a network's page in the admin that gallery knows: its scoring of the collection."""

from typing import Any

from django import template

from gallery.admin.rescoring import situation

register = template.Library()


@register.inclusion_tag("admin/ml/network/_rescoring.html", takes_context=True)
def rescoring(context: template.Context, network: Any) -> dict[str, Any]:
    """How far the network is with the collection, what failed, and the buttons of who may press them."""
    user, token = context["request"].user, context.get("csrf_token")
    return {
        "network": network,
        "may_change": user.has_perm("ml.change_network"),
        "csrf_token": token,
        **situation(network),
    }
