"""Tables of the gallery."""

from gallery.models.crawls import Candidate, Crawl, Quota, Slice
from gallery.models.dataset import Concept, DatasetVersion, Verification
from gallery.models.photos import Photo, Rendition
from gallery.models.removals import NotDuplicate, Takedown
from gallery.models.reports import Decision, Report, SafetyCheck
from gallery.models.scores import Score, ScoringFailure, Shortlist
from gallery.models.visits import Rating, RatingEvent, Taste, Visit

__all__ = [
    "Candidate",
    "Concept",
    "Crawl",
    "DatasetVersion",
    "Decision",
    "NotDuplicate",
    "Photo",
    "Quota",
    "Rating",
    "RatingEvent",
    "Rendition",
    "Report",
    "SafetyCheck",
    "Score",
    "ScoringFailure",
    "Shortlist",
    "Slice",
    "Takedown",
    "Taste",
    "Verification",
    "Visit",
]
