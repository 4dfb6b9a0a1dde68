"""Tables of the gallery."""

from gallery.models.photos import Photo, Rendition
from gallery.models.scores import Score, ScoringFailure, Shortlist
from gallery.models.visits import Rating, RatingEvent, Taste, Visit

__all__ = ["Photo", "Rating", "RatingEvent", "Rendition", "Score", "ScoringFailure", "Shortlist", "Taste", "Visit"]
