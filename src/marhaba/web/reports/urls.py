from __future__ import annotations

from django.urls import path

from marhaba.web.reports import views

urlpatterns = [
    path("", views.reports, name="reports"),
    path("figures.<str:form>", views.export, name="reports_export"),
    path("agents", views.agents, name="reports_agents"),
    path("agents.<str:form>", views.agents_export, name="reports_agents_export"),
    path("reconciliation", views.reconciliation, name="reports_reconciliation"),
    path("ley-10-2025", views.spain, name="reports_spain"),
]
