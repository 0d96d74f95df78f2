"""What outcomes, reasons and the journal's events are called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext_lazy as _

from marhaba.journal.events import Event
from marhaba.web.live.words import language_name

OUTCOMES: Final[dict[str, Promise]] = {
    "answered": _("Traité"),
    "abandoned": _("Abandonné"),
    "abandoned_ivr": _("Raccroché à l’accueil"),
    "overflowed": _("Débordé"),
    "callback": _("À rappeler"),
    "voicemail": _("Messagerie"),
    "closed": _("Fermé"),
    "refused": _("Refusé"),
    "failed": _("Échec"),
    "running": _("En cours"),
}
ENDED_BY: Final[dict[str, Promise]] = {
    "caller": _("l’appelant"),
    "agent": _("le conseiller"),
    "floor": _("le centre"),
    "carrier": _("l’opérateur"),
    "crash": _("une panne"),
}
WHY: Final[dict[str, Promise]] = {
    "first": _("première fois"),
    "transfer": _("transfert"),
    "overflow": _("débordement"),
    "missed": _("remis à sa place : personne n’a décroché"),
    "restart": _("remis à sa place : le plateau a redémarré"),
    "queue": _("de la file"),
    "consult": _("consultation"),
    "wait": _("attente trop longue"),
    "size": _("file pleine"),
    "no-staff": _("personne n’est là"),
    "closed": _("fermé"),
    "gone": _("cette file n’existe plus"),
    "elsewhere": _("un collègue a répondu"),
    "abandoned": _("l’appelant a raccroché"),
    "crash": _("une panne"),
    "menu": _("par le menu"),
    "number": _("par le numéro appelé"),
    "default": _("par défaut"),
    "announce": _("annoncé"),
    "key": _("par une touche"),
    "blind": _("direct"),
    "attended": _("accompagné"),
    "listen": _("écoute"),
    "whisper": _("aparté"),
    "barge": _("à trois"),
    "reached": _("joint"),
    "unreachable": _("injoignable"),
    "cancelled": _("annulé"),
}
"""What an event says of its reason or its manner."""
COURSE: Final[dict[str, Promise]] = {
    "welcome": _("Accueil"),
    "wait": _("Attente"),
    "talk": _("Conversation"),
    "wrap": _("Traitement"),
}
"""Stretches of a call's time."""
STORY: Final[dict[str, Promise]] = {
    "call.offered": _("Arrive de {caller} au {number}"),
    "call.answered": _("Le centre décroche"),
    "call.language": _("Langue : {language} ({how})"),
    "call.consent": _("Enregistrement {given} ({how})"),
    "call.queued": _("Entre dans la file {queue} ({why})"),
    "call.announced": _("Entend sa place : {position}"),
    "call.ringing": _("Sonne chez {agent}"),
    "call.missed": _("{agent} ne décroche pas, après {ring_s} s"),
    "call.spared": _("Ne sonne plus chez {agent} : {why}"),
    "call.connected": _("En ligne avec {agent}"),
    "call.dequeued": _("Quitte la file {queue} après {wait_s} s : {outcome}"),
    "call.overflowed": _("Déborde de {queue} vers {to} : {why}"),
    "call.held": _("Mis en attente par {agent}"),
    "call.resumed": _("Repris par {agent}"),
    "call.consulting": _("{agent} consulte {target}"),
    "call.consult_ended": _("Fin de la consultation"),
    "call.transferred": _("{agent} transfère vers {to} ({kind})"),
    "call.message": _("Dernier message ou messagerie"),
    "call.released": _("{agent} a fini : {talk_s} s de conversation, {hold_s} s d’attente en ligne"),
    "call.ended": _("Fin : {outcome}, par {by}"),
    "leg.closed": _("Une ligne se ferme : qualité {mos}, {lost} paquets perdus"),
    "callback.asked": _("Rappel demandé au {number}"),
    "callback.dialling": _("Le centre rappelle, essai {attempt}"),
    "callback.missed": _("Sans réponse, essai {attempt}"),
    "callback.ended": _("Rappel terminé : {outcome}"),
    "voicemail.left": _("Message laissé, {seconds} s"),
    "recording.started": _("L’enregistrement commence"),
    "recording.paused": _("Enregistrement en pause"),
    "recording.resumed": _("L’enregistrement reprend"),
    "recording.ended": _("Enregistrement écrit, {seconds} s"),
    "agent.disposition": _("{agent} note le résultat : {disposition} {sub}"),
    "supervision.started": _("{agent} supervise ({mode})"),
    "supervision.mode": _("{agent} change de mode ({mode})"),
    "supervision.ended": _("{agent} ne supervise plus"),
}
"""An event without a sentence is for machines alone."""


def outcome_name(outcome: str) -> Promise | str:
    return OUTCOMES.get(outcome or "running", outcome)


def ended_by_name(by: str) -> Promise | str:
    return ENDED_BY.get(by, by)


def sentence(event: Event, agents: Mapping[str, str]) -> str:
    """An event in the reader's words, with these names of agents; "" for one that tells him nothing."""
    if event.kind not in STORY or (
        event.kind == "call.released" and not event.agent_id
    ):  # an outside number's part
        return ""
    said: dict[str, Any] = defaultdict(
        lambda: "–", {name: _said(name, value) for name, value in event.data.items()}
    )
    said |= {"agent": agents.get(event.agent_id) or event.agent_id or "–", "queue": event.queue_id or "–"}
    if "target" in event.data:
        said["target"] = agents.get(event.data["target"]) or event.data["target"]
    if event.kind == "call.overflowed":
        said["why"] = _said("why", event.data.get("reason", ""))
    if event.kind == "agent.disposition":
        said.setdefault("sub", "")
    if get_language_bidi():
        said = {
            name: f"\u2068{value}\u2069" for name, value in said.items()
        }  # a number keeps its plus in front
        said = defaultdict(lambda: "–", said)
    return str(STORY[event.kind]).format_map(said).strip()


def _said(name: str, value: Any) -> Any:
    match name:
        case "outcome" if value in WHY and value not in OUTCOMES:
            return WHY[value]
        case "outcome":
            return outcome_name(value)
        case "by":
            return ended_by_name(value)
        case "language":
            return language_name(value)
        case "given":
            return _("accepté") if value else _("refusé")
        case "why" | "how" | "mode" | "kind" | "reason":
            return WHY.get(value, value)
    return number_format(value, 1) if isinstance(value, float) else value
