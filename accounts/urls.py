"""Addresses under /settings/."""

from django.urls import path

from accounts.views import data
from accounts.views.settings import settings

urlpatterns = [
    path("", settings, name="settings"),
    path("data/", data.ask, name="export"),
    path("data/<uuid:key>/evoke-data.zip", data.fetch, name="export_file"),
    path("forget-taste/", data.forget_taste, name="forget_taste"),
    path("forget-me/", data.forget_me, name="forget_me"),
    path("leave/", data.leave, name="leave"),
]
