"""Who somebody can be in a centre."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    AGENT = "agent", _("Conseiller")
    SUPERVISOR = "supervisor", _("Superviseur")
    PLANNER = "planner", _("Planificateur")
    QUALITY = "quality", _("Qualité")
    TRAINER = "trainer", _("Recruteur et formateur")
    CLIENT = "client", _("Donneur d’ordre")
    ADMINISTRATOR = "administrator", _("Administrateur")


class Theme(TextChoices):
    AUTO = "auto", _("Comme l’appareil")
    LIGHT = "light", _("Clair")
    DARK = "dark", _("Sombre")
