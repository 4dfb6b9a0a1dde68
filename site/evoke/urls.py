"""Every address of the site: the gallery's pages, the admin, and two pages for whoever operates it."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("account/", include("allauth.account.urls")),
    path("account/factors/", include("allauth.mfa.urls")),
    path("settings/", include("accounts.urls")),
    path("", include("gallery.urls")),
]

handler400 = "gallery.views.errors.bad_request"
handler403 = "gallery.views.errors.forbidden"
handler404 = "gallery.views.errors.not_found"
handler429 = "gallery.views.errors.too_many"  # allauth asks for it
handler500 = "gallery.views.errors.server_error"
