"""What states, stages, alarms and refusals of the floor are called."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

STATES: Final[dict[str, Promise]] = {
    "ready": _("Prêt"),
    "ringing": _("Sonne"),
    "talking": _("En ligne"),
    "wrapup": _("Traitement"),
    "paused": _("Pause"),
    "logged_out": _("Absent"),
}
STAGES: Final[dict[str, Promise]] = {
    "greeting": _("Accueil"),
    "queued": _("En attente"),
    "ringing": _("Sonne"),
    "talking": _("En ligne"),
    "message": _("Message"),
    "dialling": _("Rappel"),
    "internal": _("Interne"),
}
ALARMS: Final[dict[str, Promise]] = {
    "trunk": _("L’opérateur {what} ne répond pas"),
    "media": _("Le processus audio {what} s’est arrêté"),
    "late": _("Le son de {what} a des trous : la machine est trop chargée"),
    "disk": _("Un enregistrement de {what} ne s’écrit plus"),
    "journal": _("Le journal ne s’écrit plus ; les événements attendent à côté"),
}
REFUSALS: Final[dict[str, Promise]] = {
    "unknown-agent": _("Ce conseiller n’existe plus."),
    "not-logged-in": _("Ce conseiller n’est pas connecté."),
    "unknown-pause-code": _("Ce motif de pause n’existe plus."),
    "ringing": _("Un appel sonne chez lui : attendez un instant."),
    "no-call": _("Il n’est plus en ligne."),
    "no-line": _("Votre poste n’a pas de ligne audio : prenez-le d’abord."),
    "no-port": _("Il n’y a plus de place pour un appel de plus."),
    "phone-line-open": _("Votre téléphone tient déjà une ligne ouverte : raccrochez-le d’abord."),
    "not-paused": _("Mettez-vous d’abord en pause : un appel pourrait sonner."),
    "on-a-call": _("Un appel est en cours."),
    "nothing-rings": _("Plus rien ne sonne : l’appelant a raccroché, ou un collègue a répondu."),
    "agent-not-ready": _("Ce collègue n’est pas disponible."),
    "unknown-queue": _("Cette file n’existe pas."),
    "not-dialled": _("Ce numéro ne peut pas être appelé d’ici."),
    "cannot-consult": _("Vous consultez déjà quelqu’un."),
    "not-consulting": _("Personne n’est consulté."),
    "bad-digits": _("Touches possibles : 0 à 9, *, # et A à D."),
    "not-in-wrap-up": _("Le traitement est déjà terminé."),
    "unknown-disposition": _("Ce résultat n’existe plus."),
    "bad-offer": _("Ce navigateur ne propose pas d’audio que le centre comprenne."),
    "limit": _("Toutes les lignes de navigateur sont prises."),
    "not-a-supervisor": _("Votre compte n’est lié à aucun superviseur du plateau."),
    "phone-unreachable": _("Votre téléphone est injoignable : enregistrez-le d’abord."),
}
GONE: Final = _("Le plateau ne répond pas. Réessayez dans un instant.")


def language_name(code: str) -> str:
    """In the reader's language; a code that nobody knows is its own name."""
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code


def state_name(state: str) -> Promise | str:
    return STATES.get(state, state)


def stage_name(stage: str) -> Promise | str:
    return STAGES.get(stage, stage)


def alarm_text(name: str) -> str:
    """An alarm `kind:what`; its own name where it has no text."""
    kind, _colon, what = name.partition(":")
    return str(ALARMS[kind]).format(what=what) if kind in ALARMS else name


def refusal_text(code: str, message: str) -> str:
    return str(REFUSALS.get(code, message))
