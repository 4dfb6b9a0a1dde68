"""Networks and the runs that make them."""

from django.conf import settings
from django.db import models


class Network(models.Model):
    """One network's file, its card, and whether it ranks the site."""

    class State(models.TextChoices):
        CANDIDATE = "candidate"
        INCOMING = "incoming", "incoming (scoring the collection)"
        ACTIVE = "active"
        RETIRED = "retired"

    name = models.CharField(
        max_length=64, unique=True, help_text="Recipe and the first 8 hex digits of its content hash."
    )
    recipe = models.CharField(max_length=32)
    path = models.CharField(max_length=500, help_text="Its file, below the networks folder.")
    card = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.CANDIDATE)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=models.Q(state="active"), name="one_active_network"),
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="incoming"), name="one_incoming_network"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Promotion(models.Model):
    """Who put which network on the site, when and why. Rows are only added."""

    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="promotions")
    replaced = models.ForeignKey(Network, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    live_at = models.DateTimeField(null=True, help_text="When it began to rank: all photographs were scored by then.")

    def __str__(self) -> str:
        return f"{self.network} on {self.asked_at:%Y-%m-%d}"


class TrainingRun(models.Model):
    """One training, from the press of the button to the network it made or the reason it made none."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        REFUSED = "refused", "refused (too little data)"
        FAILED = "failed"
        CANCELLED = "cancelled"

    recipe = models.CharField(max_length=32, default="starter")
    seed = models.PositiveIntegerField(default=0)
    data_hash = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="A worker that died lets it run out.")
    attempts = models.PositiveSmallIntegerField(default=0)
    step = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=500, blank=True)
    metrics = models.JSONField(default=dict)
    network = models.OneToOneField(Network, null=True, blank=True, on_delete=models.SET_NULL, related_name="run")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipe"], condition=models.Q(state__in=["queued", "running"]), name="one_run_a_recipe"
            )
        ]

    def __str__(self) -> str:
        return f"run {self.pk} ({self.state})"
