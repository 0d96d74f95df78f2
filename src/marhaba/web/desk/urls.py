from __future__ import annotations

from django.urls import path

from marhaba.web.desk import views

urlpatterns = [
    path("", views.desk, name="desk"),
    path("stream", views.stream, name="desk_stream"),
    path("do/<slug:do>", views.act, name="desk_act"),
    path("note", views.note, name="desk_note"),
    path("line", views.line, name="desk_line"),
    path("line/<slug:edge>", views.line_away, name="desk_line_away"),
    path("choose", views.choose, name="desk_choose"),
]
