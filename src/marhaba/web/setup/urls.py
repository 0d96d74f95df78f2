from __future__ import annotations

from django.urls import path

from marhaba.web.setup import publishing, views

urlpatterns = [
    path("", views.overview, name="setup"),
    path("review", publishing.review, name="setup_review"),
    path("publish", publishing.publish, name="setup_publish"),
    path("renew", publishing.renew, name="setup_renew"),
    path("discard", publishing.discard, name="setup_discard"),
    path("versions", publishing.history, name="setup_versions"),
    path("versions/<int:number>", publishing.version, name="setup_version"),
    path("versions/<int:number>/undo", publishing.undo, name="setup_undo"),
    path("versions/<int:number>/export", publishing.export, name="setup_export"),
    path("import", publishing.take_in, name="setup_import"),
    path("new/<slug:kind>", views.new, name="setup_new"),
    path("<slug:kind>", views.table, name="setup_table"),
    path("<slug:kind>/<str:name>", views.element, name="setup_element"),
    path("<slug:kind>/<str:name>/delete", views.delete, name="setup_delete"),
]
