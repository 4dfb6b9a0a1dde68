"""The networks' room in the admin: a file a subject."""

from ml.admin import networks, plans, promotions, runs

__all__ = ["networks", "plans", "promotions", "runs"]
