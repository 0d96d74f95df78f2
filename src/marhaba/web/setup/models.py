"""The centre's file as it was at every moment, and what somebody is about to make of it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class How(models.TextChoices):
    """How a version came to be."""

    FOUND = "found", _("changé hors des pages")
    PUBLISHED = "published", _("publié")
    UNDONE = "undone", _("annulation")
    IMPORTED = "imported", _("importé")


class Version(models.Model):
    """centre.toml from a moment on. The file is what counts; this is its memory."""

    number = models.PositiveIntegerField(primary_key=True)
    at = models.DateTimeField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    how = models.CharField(max_length=16, choices=How)
    note = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64)
    text = models.TextField()

    class Meta:
        ordering: ClassVar = ["-number"]


class Draft(models.Model):
    """What one person is about to change. `serial` grows with every save, so that two windows do not undo each other."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    base = models.ForeignKey(Version, models.PROTECT, related_name="+")
    text = models.TextField()
    how = models.CharField(max_length=16, choices=How, default=How.PUBLISHED)
    serial = models.PositiveIntegerField(default=0)
    saved_at = models.DateTimeField(auto_now=True)

    @property
    def kept(self) -> bool:
        """Whether there is one: else it stands for the file as it is."""
        return self.serial > 0
