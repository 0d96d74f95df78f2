from __future__ import annotations

from django.urls import path

from marhaba.web.records import views

urlpatterns = [
    path("", views.calls, name="calls"),
    path("export.csv", views.export, name="calls_export"),
    path("<str:name>/", views.call, name="calls_call"),
    path("<str:name>/sounds/<int:at>", views.sound, name="calls_sound"),
]
