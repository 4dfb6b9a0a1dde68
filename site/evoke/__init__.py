"""The project package: wiring, no logic."""

from evoke.celery import app as celery_app

__all__ = ["celery_app"]
