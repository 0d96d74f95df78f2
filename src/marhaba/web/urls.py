"""Every address of the house."""

from __future__ import annotations

from allauth.account import views as account
from django.urls import include, path

from marhaba.web.people.views import elsewhere

urlpatterns = [
    path("", include("marhaba.web.people.urls")),
    path("", include("marhaba.web.board.urls")),
    path("desk/", include("marhaba.web.desk.urls")),
    path("calls/", include("marhaba.web.records.urls")),
    path("reports/", include("marhaba.web.reports.urls")),
    path("setup/", include("marhaba.web.setup.urls")),
    # Of the account library what a house needs where nobody signs up, and links come from the administrator.
    path("accounts/login/", account.login, name="account_login"),
    path("accounts/logout/", account.logout, name="account_logout"),
    path("accounts/inactive/", account.account_inactive, name="account_inactive"),
    path("accounts/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("accounts/password/change/", account.password_change, name="account_change_password"),
    path("accounts/signup/", elsewhere, name="account_signup"),
    path("accounts/email/", elsewhere, name="account_email"),
    path("accounts/2fa/", include("allauth.mfa.urls")),
]
