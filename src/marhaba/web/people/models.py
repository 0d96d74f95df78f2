"""People, what they are in the centre, the links they are invited by, and the chained record of privileged acts."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from marhaba.web.people.enums import Role, Theme


class Team(models.Model):
    name = models.CharField(_("nom"), max_length=80, unique=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractBaseUser):
    """`agent_id`: the agent of the floor that this person is; empty: none."""

    username = models.CharField(
        _("identifiant"), max_length=150, unique=True, validators=[UnicodeUsernameValidator()]
    )
    name = models.CharField(_("nom"), max_length=120)
    email = models.EmailField(_("courriel"), blank=True)
    is_active = models.BooleanField(_("peut se connecter"), default=True)
    agent_id = models.CharField(_("conseiller du plateau"), max_length=64, blank=True)
    team = models.ForeignKey(
        Team, models.SET_NULL, null=True, blank=True, related_name="members", verbose_name=_("équipe")
    )
    language = models.CharField(_("langue"), max_length=2, blank=True)
    theme = models.CharField(_("couleurs"), max_length=5, choices=Theme, default=Theme.AUTO)

    USERNAME_FIELD = "username"
    objects: ClassVar = BaseUserManager["User"]()

    class Meta:
        ordering: ClassVar = ["name", "username"]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("username"), name="a_user_name_stands_once"),
            models.UniqueConstraint(
                fields=["agent_id"], condition=~models.Q(agent_id=""), name="one_user_for_an_agent"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.username


class Grant(models.Model):
    """A role, in one programme or (empty) in all."""

    user = models.ForeignKey(User, models.CASCADE, related_name="grants")
    role = models.CharField(_("rôle"), max_length=16, choices=Role)
    programme = models.CharField(_("programme"), max_length=64, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "role", "programme"], name="a_grant_stands_once")
        ]


class Invitation(models.Model):
    """A link that can be used once. What is kept is its digest: who reads the database cannot use it."""

    digest = models.CharField(max_length=64, unique=True)
    user = models.OneToOneField(
        User, models.CASCADE, null=True, related_name="invitation"
    )  # None: the first of all
    made_at = models.DateTimeField()
    until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class AuditEntry(models.Model):
    """One privileged act. `digest` covers the entry and the digest before it: none can be changed or left out unseen."""

    number = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField()
    who = models.CharField(max_length=150, blank=True)
    did = models.CharField(max_length=64)
    what = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict)
    before = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering: ClassVar = ["number"]
