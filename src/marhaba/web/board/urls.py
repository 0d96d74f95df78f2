from __future__ import annotations

from django.urls import path

from marhaba.web.board import views

urlpatterns = [
    path("board", views.board, name="board"),
    path("board/wall", views.wall, name="board_wall"),
    path("board/stream", views.stream, name="board_stream"),
    path("board/agents/<str:agent>/<str:do>", views.act, name="board_act"),
]
