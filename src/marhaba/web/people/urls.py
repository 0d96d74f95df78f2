from __future__ import annotations

from django.urls import path

from marhaba.web.people import views

urlpatterns = [
    path("", views.home, name="home"),
    path("welcome/<str:token>", views.welcome, name="welcome"),
    path("language", views.language, name="language"),
    path("account", views.account, name="account"),
    path("people", views.people, name="people"),
    path("people/new", views.person, name="person_new"),
    path("people/<int:pk>", views.person, name="person"),
    path("people/<int:pk>/invite", views.invite, name="person_invite"),
    path("audit", views.audit_log, name="audit"),
]
