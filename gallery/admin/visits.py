"""Ratings in the admin: who is behind them stays a number."""

from django.contrib import admin

from gallery.admin.readonly import ReadOnlyAdmin
from gallery.models import Rating


@admin.register(Rating)
class RatingAdmin(ReadOnlyAdmin):
    list_display = ("photo", "value", "hidden", "felt", "mood", "rated_at")
    list_filter = ("value", "hidden", "felt", "mood")
    list_select_related = ("photo",)
    fields = ("photo", "value", "hidden", "felt", "mood", "place", "rated_at")
