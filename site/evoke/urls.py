"""Every address of the site: the gallery's pages, the admin, and two pages for whoever operates it."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("gallery.urls")),
]
