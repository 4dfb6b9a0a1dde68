"""The queue: Celery, configured by Django's settings. A message only says "there may be work"; rows hold the truth."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evoke.settings")

TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), "evoke.brokers:Transport"))
TRANSPORT_ALIASES["filesystem"] = "evoke.folder_broker:Transport"
app = Celery("evoke")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
