"""The gallery's rooms in the admin."""

from gallery.admin import crawls, duplicates, photos, reports, scores, takedowns, visits

__all__ = ["crawls", "duplicates", "photos", "reports", "scores", "takedowns", "visits"]
