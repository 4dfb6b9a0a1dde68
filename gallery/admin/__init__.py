"""The gallery's rooms in the admin."""

from gallery.admin import duplicates, photos, scores, takedowns, visits

__all__ = ["duplicates", "photos", "scores", "takedowns", "visits"]
