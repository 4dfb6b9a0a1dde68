"""The gallery's rooms in the admin."""

from gallery.admin import photos, scores, visits

__all__ = ["photos", "scores", "visits"]
