"""The gallery's rooms in the admin."""

from gallery.admin import crawls, duplicates, photos, scores, takedowns, visits

__all__ = ["crawls", "duplicates", "photos", "scores", "takedowns", "visits"]
