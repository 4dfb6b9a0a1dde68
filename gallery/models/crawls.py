"""The crawl as rows: what is asked of a source, in which slices, and what became of every photograph it told of.

Everything that must survive is here; a task's message only says "there may be work". A row in hand names its worker,
a number whose advisory lock the worker holds: the server frees it with the worker's death, however it died.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from gallery.models.photos import Photo
from gallery.models.visits import MOOD_CHOICES


class Crawl(models.Model):
    """One request: photographs of these moods, uploaded since then, from one source."""

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        CANCELLED = "cancelled"
        DONE = "done"
        FAILED = "failed"

    source = models.CharField(max_length=32)
    moods = ArrayField(models.CharField(max_length=16, choices=MOOD_CHOICES))
    since = models.DateTimeField(help_text="Uploaded at this moment or later.")
    until = models.DateTimeField(help_text="Uploaded before this moment: fixed, so that slices are the same each time.")
    limit = models.PositiveIntegerField(null=True, blank=True, help_text="Photographs wanted; empty: all.")
    options = models.JSONField(default=dict, blank=True, help_text="Of the source: a folder's path, for one.")
    state = models.CharField(max_length=9, choices=State, default=State.RUNNING)
    message = models.CharField(max_length=500, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    asked_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"crawl {self.pk} of {self.source}"


class Slice(models.Model):
    """A part of a crawl that one query can reach: a word of a mood, within a span of upload time."""

    class State(models.TextChoices):
        WAITING = "waiting"
        SPLIT = "split", "cut into smaller ones"
        DONE = "done"
        FAILED = "failed"

    crawl = models.ForeignKey(Crawl, on_delete=models.CASCADE, related_name="slices")
    mood = models.CharField(max_length=16, choices=MOOD_CHOICES)
    word = models.CharField(max_length=40)
    after = models.BigIntegerField(help_text="Unix seconds, inclusive.")
    before = models.BigIntegerField(help_text="Unix seconds, exclusive.")
    licence = models.CharField(max_length=40, blank=True, help_text="The source's own ids; empty: any.")
    order = models.CharField(max_length=8, blank=True, help_text="asc or desc, where a slice cannot be cut further.")
    more = models.JSONField(
        default=dict, blank=True, help_text="Further parts of the query that only its source knows."
    )
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    page = models.PositiveIntegerField(default=1, help_text="The next page to ask for.")
    found = models.PositiveIntegerField(default=0, help_text="Different photographs seen so far.")
    calls = models.PositiveIntegerField(default=0)
    unusable = models.JSONField(
        default=dict, blank=True, help_text="Records that could not become candidates, by reason."
    )
    out_of_reach = models.BooleanField(
        default=False, help_text="It holds more than the source serves, and cannot be cut."
    )
    worker = models.BigIntegerField(null=True, blank=True)
    message = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["crawl", "mood", "id"], name="slice_waiting", condition=models.Q(state="waiting"))
        ]

    def __str__(self) -> str:
        return f"{self.word} from {self.after} to {self.before}"


class Candidate(models.Model):
    """A photograph that a source told of: to be fetched, or fetched, or why it was not."""

    class State(models.TextChoices):
        WAITING = "waiting"
        STORED = "stored"
        REJECTED = "rejected"
        FAILED = "failed", "failed, may be tried again"

    crawl = models.ForeignKey(Crawl, on_delete=models.CASCADE, related_name="candidates")
    source = models.CharField(max_length=32)
    source_id = models.CharField(max_length=200)
    mood = models.CharField(max_length=16, choices=MOOD_CHOICES)
    word = models.CharField(max_length=40, help_text="The word that found it first.")
    file_url = models.CharField(max_length=2000)
    facts = models.JSONField(help_text="What the source said (gallery.collect.intake.Facts).")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    rejected_because = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True, help_text="When it may be tried again.")
    worker = models.BigIntegerField(null=True, blank=True)
    bytes = models.PositiveIntegerField(default=0)
    photo = models.ForeignKey(Photo, null=True, blank=True, on_delete=models.SET_NULL, related_name="candidates")
    found_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True, help_text="When it was stored or rejected.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "source_id"], name="candidate_once")]
        indexes = [
            models.Index(fields=["crawl", "id"], name="candidate_waiting", condition=models.Q(state="waiting")),
            models.Index(fields=["crawl", "state", "rejected_because"], name="candidate_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.source_id}"


class Quota(models.Model):
    """A source's limit as a token bucket, one for each key, shared by all workers."""

    key = models.CharField(max_length=80, unique=True, help_text="The source and a hash of its key, never the key.")
    tokens = models.FloatField()
    updated_at = models.DateTimeField()
    resting_until = models.DateTimeField(null=True, blank=True, help_text="The source asked for a rest.")
    refused = models.CharField(max_length=300, blank=True, help_text="Why the source takes this key no more.")

    def __str__(self) -> str:
        return self.key
