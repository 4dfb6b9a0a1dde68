"""Networks and the runs that make them."""

from django.conf import settings
from django.db import models


class Network(models.Model):
    """One network's file, its card, and whether it ranks the site."""

    class State(models.TextChoices):
        CANDIDATE = "candidate"
        INCOMING = "incoming", "incoming (scoring the collection)"
        ACTIVE = "active"
        STANDBY = "standby", "standby (the last one, kept ready)"
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
            models.UniqueConstraint(fields=["state"], condition=models.Q(state="standby"), name="one_standby_network"),
        ]

    def __str__(self) -> str:
        return self.name


class Promotion(models.Model):
    """Who put which network on the site, when and why. Rows are only added."""

    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="promotions")
    replaced = models.ForeignKey(Network, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    forced = models.BooleanField(default=False, help_text="Against the gate's verdict, or without one.")
    paused = models.BooleanField(default=False, help_text="Its scoring of the collection waits.")
    asked_at = models.DateTimeField(auto_now_add=True)
    live_at = models.DateTimeField(null=True, help_text="When it began to rank: all photographs were scored by then.")
    ended_at = models.DateTimeField(null=True, help_text="When another network took its place, or it was called off.")

    def __str__(self) -> str:
        return f"{self.network} on {self.asked_at:%Y-%m-%d}"


class TrainingRun(models.Model):
    """One training, from the press of the button to the network it made or the reason it made none."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        REFUSED = "refused", "refused (too little data)"
        UNCHANGED = "unchanged", "not trained (nothing new to learn from)"
        FAILED = "failed"
        CANCELLED = "cancelled"

    recipe = models.CharField(max_length=32, default="starter")
    options = models.JSONField(default=list, blank=True, help_text="Hyperparameters, as name=value.")
    selection = models.JSONField(default=dict, blank=True, help_text="Which photographs and answers teach it.")
    forced = models.BooleanField(default=False, help_text="Even where nothing has changed since the last training.")
    seed = models.PositiveIntegerField(default=0)
    data_hash = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="A worker that died lets it run out.")
    attempts = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=100, blank=True, help_text="Machine and process that carries it out.")
    step = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=500, blank=True)
    metrics = models.JSONField(default=dict)
    epochs = models.JSONField(default=list, blank=True, help_text="One object an epoch: loss, validation, seconds.")
    log = models.TextField(blank=True, help_text="Its last lines.")
    troubles = models.JSONField(default=list, blank=True, help_text="Photographs that could not be used, and why.")
    seconds_left = models.PositiveIntegerField(null=True, blank=True, help_text="As it looked at the last report.")
    woken_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When workers were told of it.")
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


class Comparison(models.Model):
    """What the gate found: a candidate and the active network on the same photographs, which neither was trained on."""

    candidate = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="comparisons")
    against = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="+")
    accepted = models.BooleanField()
    reason = models.CharField(max_length=300, help_text="One sentence: why it was accepted or not.")
    split_hash = models.CharField(max_length=64, help_text="Of the test photographs and what people said of them.")
    photographs = models.PositiveIntegerField()
    figures = models.JSONField(default=dict, help_text="Of both, their difference and its interval, the margin.")
    disagreements = models.JSONField(default=list, help_text="Photographs on which they differ most, and how.")
    made_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.candidate} against {self.against}"


class Plan(models.Model):
    """What happens by itself, and when. One row; all off until an admin turns it on."""

    nightly_training = models.BooleanField(default=False)
    hour = models.PositiveSmallIntegerField(default=3, help_text="UTC, 0-23.")
    least_ratings = models.PositiveIntegerField(default=200, help_text="New answers since the last training.")
    weekly_verification = models.BooleanField(default=False)
    trained_on = models.DateField(null=True, blank=True, editable=False)
    verified_on = models.DateField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return "what happens by itself"


class WorkerBeat(models.Model):
    """A process of the queue that lives: a worker says so every ten seconds, beat whenever it ticks."""

    name = models.CharField(max_length=200, unique=True)
    queues = models.CharField(max_length=200, blank=True)
    doing = models.JSONField(default=list, blank=True, help_text="Names of the tasks under way.")
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
