"""What people enter about people."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from marhaba.web.people.enums import Role
from marhaba.web.people.models import Team, User

TAKEN = _("Cet identifiant est déjà pris.")


class WelcomeForm(forms.Form):
    """Behind an invitation: the first administrator chooses a name as well."""

    name = forms.CharField(
        label=_("Votre nom"), max_length=120, widget=forms.TextInput({"autocomplete": "name"})
    )
    username = forms.CharField(
        label=_("Identifiant"),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput({"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=_("Mot de passe"),
        help_text=_("Dix caractères au moins. Une phrase se retient mieux qu’un mot."),
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        strip=False,
    )

    def __init__(self, *args: Any, user: User | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if user is not None:
            del self.fields["name"], self.fields["username"]

    def clean_username(self) -> str:
        username = str(self.cleaned_data["username"])
        if User.objects.filter(username__iexact=username).exists():
            raise forms.ValidationError(TAKEN)
        return username

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        known = self.user or User(username=data.get("username", ""), name=data.get("name", ""))
        if password := data.get("password"):
            try:
                password_validation.validate_password(password, known)
            except forms.ValidationError as refused:
                self.add_error("password", refused)
        return data


class PersonForm(forms.ModelForm[User]):
    """A person and what he is; roles in all programmes, or in those named behind them."""

    roles = forms.MultipleChoiceField(
        label=_("Rôles"), choices=Role.choices, widget=forms.CheckboxSelectMultiple, required=False
    )
    programmes = forms.CharField(
        label=_("Programmes"),
        required=False,
        help_text=_("Leurs noms, séparés par des virgules. Vide : tous."),
    )

    class Meta:
        model = User
        fields: ClassVar = ["name", "username", "email", "team", "agent_id", "language", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"] = forms.ChoiceField(
            label=_("Langue"), choices=[("", _("Celle du navigateur")), *settings.LANGUAGES], required=False
        )
        self.fields["team"] = forms.ModelChoiceField(Team.objects, label=_("Équipe"), required=False)
        if self.instance.pk:
            grants = list(self.instance.grants.all())
            self.initial["roles"] = sorted({grant.role for grant in grants})
            self.initial["programmes"] = ", ".join(sorted({g.programme for g in grants if g.programme}))

    def clean_username(self) -> str:
        username = str(self.cleaned_data["username"])
        if self._others().filter(username__iexact=username).exists():
            raise forms.ValidationError(TAKEN)
        return username

    def clean_agent_id(self) -> str:
        agent_id = str(self.cleaned_data["agent_id"])
        if agent_id and self._others().filter(agent_id=agent_id).exists():
            raise forms.ValidationError(_("Quelqu’un d’autre est déjà ce conseiller."))
        return agent_id

    def _others(self) -> QuerySet[User]:
        return User.objects.exclude(pk=self.instance.pk)

    def clean_programmes(self) -> list[str]:
        return sorted({part.strip() for part in str(self.cleaned_data["programmes"]).split(",")} - {""})


class AccountForm(forms.ModelForm[User]):
    class Meta:
        model = User
        fields: ClassVar = ["name", "language", "theme"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"] = forms.ChoiceField(
            label=_("Langue"), choices=[("", _("Celle du navigateur")), *settings.LANGUAGES], required=False
        )
