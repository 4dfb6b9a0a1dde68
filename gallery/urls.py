"""Addresses of the gallery's pages."""

from django.urls import path

from gallery.views.answers import accept_moods, fresh_visit, rate
from gallery.views.dataset import dataset, tables_csv, verification_json
from gallery.views.files import media
from gallery.views.home import about, home
from gallery.views.journey import journey, journey_step
from gallery.views.mood import mood
from gallery.views.operation import healthz, readyz, robots
from gallery.views.photo import photo
from gallery.views.report import report, report_status
from gallery.views.science import reproduction_json, science
from gallery.views.takedown import takedown, takedown_status
from gallery.views.you import remove, undo, you

urlpatterns = [
    path("", home, name="home"),
    path("mood/<slug:slug>/", mood, name="mood"),
    path("photo/<int:pk>/", photo, name="photo"),
    path("photo/<int:pk>/rate/", rate, name="rate"),
    path("photo/<int:pk>/report/", report, name="report"),
    path("report/<slug:receipt>/", report_status, name="report_status"),
    path("moods/accept/", accept_moods, name="accept_moods"),
    path("visit/fresh/", fresh_visit, name="fresh_visit"),
    path("journey/", journey, name="journey"),
    path("journey/<int:pk>/<int:number>/", journey_step, name="journey_step"),
    path("you/", you, name="you"),
    path("you/undo/", undo, name="you_undo"),
    path("you/ratings/<int:pk>/remove/", remove, name="you_remove"),
    path("about/", about, name="about"),
    path("dataset/", dataset, name="dataset"),
    path("dataset/verification.json", verification_json, name="dataset_verification"),
    path("dataset/tables.csv", tables_csv, name="dataset_tables"),
    path("science/", science, name="science"),
    path("science/reproduction.json", reproduction_json, name="science_reproduction"),
    path("takedown/", takedown, name="takedown"),
    path("takedown/<slug:receipt>/", takedown_status, name="takedown_status"),
    path("media/<path:name>", media, name="media"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("robots.txt", robots, name="robots"),
]
