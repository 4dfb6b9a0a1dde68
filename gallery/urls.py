"""Addresses of the gallery's pages."""

urlpatterns: list = []
