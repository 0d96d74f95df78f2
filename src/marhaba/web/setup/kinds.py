"""What can be set up, as people call it: each kind of table of centre.toml with its keys in groups.

What a key may hold is not said here: forms take it from the reader (`files.sections.Asked`). A test finds a key that the reader
knows and nobody here has named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = Promise | str


@dataclass(frozen=True, slots=True)
class Entry:
    """One key. `look`: how it is entered, where the reader's word is not enough (`forms.LOOKS`)."""

    key: str
    label: Words
    hint: Words = ""
    look: str = ""

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.key.split("."))


@dataclass(frozen=True, slots=True)
class Group:
    title: Words
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """`named`: many tables with a name each, as [queues.NAME]; else one."""

    name: str
    title: Words
    about: Words
    groups: tuple[Group, ...]
    named: bool = False
    one: Words = ""
    add: Words = ""

    @property
    def path(self) -> tuple[str, ...]:
        return () if self.name == "house" else (self.name,)

    def entries(self) -> Iterator[Entry]:
        for group in self.groups:
            yield from group.entries


PROGRAMMES: Final = Kind(
    "programmes",
    _("Programmes"),
    _("Ce qu’un client achète : des numéros, des horaires, des langues, un accueil, une file."),
    (
        Group(
            _("L’essentiel"),
            (
                Entry("client", _("Client"), _("Pour qui c’est. Vide : le nom du programme.")),
                Entry("numbers", _("Numéros"), _("Ceux que les appelants composent, un par ligne."), "lines"),
                Entry("calendar", _("Horaires")),
                Entry("queue", _("File d’attente"), _("Où les appelants attendent.")),
                Entry(
                    "priority", _("Priorité"), _("S’ajoute à celle de la file ; plus grand passe d’abord.")
                ),
            ),
        ),
        Group(
            _("Langues"),
            (
                Entry("languages", _("Langues offertes"), _("Dans l’ordre, séparées par des virgules.")),
                Entry("default_language", _("Langue par défaut"), _("Pour qui n’en choisit aucune.")),
                Entry(
                    "menu",
                    _("Demander la langue"),
                    _("Un menu, quand il y a plusieurs langues."),
                ),
                Entry("menu_digits", _("Touches du menu"), _("Offertes dans cet ordre."), "menu"),
                Entry("menu_timeout_s", _("Silence après le menu")),
                Entry("menu_tries", _("Combien de fois le menu est dit")),
                Entry(
                    "language_by_number",
                    _("Numéros qui ont leur langue"),
                    _("Un numéro par langue épargne le menu."),
                    "numbers",
                ),
                Entry(
                    "queues_by_language",
                    _("File selon la langue"),
                    _("Vide : la file du programme."),
                    "queues_by_language",
                ),
            ),
        ),
        Group(
            _("Ce que l’on entend"),
            (
                Entry("greeting", _("Accueil"), _("Annonces dites d’abord, séparées par des virgules.")),
                Entry("recording", _("Enregistrement")),
                Entry("closed", _("Quand c’est fermé")),
                Entry("closed_prompts", _("Ce que l’on dit hors des heures")),
            ),
        ),
    ),
    named=True,
    one=_("Programme"),
    add=_("Nouveau programme"),
)

QUEUES: Final = Kind(
    "queues",
    _("Files d’attente"),
    _("Ce qui est demandé à un conseiller, et ce que vit celui qui attend."),
    (
        Group(
            _("Qui répond"),
            (
                Entry(
                    "skills", _("Compétences"), _("Niveau minimal de 1 à 10 ; vide : pas demandée."), "levels"
                ),
                Entry(
                    "language_level",
                    _("Niveau de langue"),
                    _("Dans la langue de l’appelant ; 0 : n’importe quel conseiller."),
                ),
                Entry("strategy", _("À qui d’abord")),
                Entry("ring_all_max", _("Téléphones qui sonnent ensemble"), _("Si tous sonnent à la fois.")),
                Entry(
                    "relax",
                    _("Demander moins avec l’attente"),
                    _("À partir de cette attente, ces niveaux suffisent ; 0 : plus demandé."),
                    "steps",
                ),
                Entry(
                    "last_agent_s",
                    _("Attendre son dernier conseiller"),
                    _("Celui qui l’a servi dans la semaine ; 0 : n’importe qui, tout de suite."),
                ),
                Entry(
                    "keep",
                    _("Conseillers réservés à d’autres files"),
                    _("Tant de conseillers prêts pour elle ne sont pas donnés à celle-ci."),
                    "keep",
                ),
            ),
        ),
        Group(
            _("Qui passe d’abord"),
            (
                Entry("priority", _("Priorité"), _("Plus grand passe d’abord, quelle que soit l’attente.")),
                Entry(
                    "weight",
                    _("Poids"),
                    _("Entre files de même priorité, une attente ici compte tant de fois."),
                ),
                Entry("calendar", _("Horaires"), _("Fermée, la file ne prend personne.")),
            ),
        ),
        Group(
            _("Envoyer ailleurs"),
            (
                Entry(
                    "overflow_to", _("Vers"), _("Vide : messagerie ou message, comme le dit le programme.")
                ),
                Entry("overflow_wait_s", _("Après cette attente"), _("0 : jamais.")),
                Entry("overflow_size", _("Quand tant attendent déjà")),
                Entry("overflow_no_staff", _("Quand personne de connecté ne pourrait répondre")),
                Entry("overflow_at_close", _("À la fermeture, ceux qui attendent encore")),
                Entry("max_wait_s", _("Attente maximale"), _("0 : aucune.")),
            ),
        ),
        Group(
            _("Chez le conseiller"),
            (
                Entry("ring_s", _("Durée de sonnerie")),
                Entry("auto_answer", _("Décrocher tout seul")),
                Entry("missed_pause_after", _("Sonneries manquées avant la pause")),
                Entry("wrap_s", _("Traitement après l’appel"), _("0 : prêt tout de suite.")),
            ),
        ),
        Group(
            _("Ce que l’on entend en attendant"),
            (
                Entry("music", _("Musique")),
                Entry("announce_position", _("Dire la place")),
                Entry("announce_wait", _("Dire l’attente"), _("Quand elle peut être dite honnêtement.")),
                Entry("announce_every_s", _("Redire toutes les")),
                Entry("comfort", _("Annonces entre-temps")),
                Entry("comfort_every_s", _("Toutes les")),
                Entry("callback", _("Proposer d’être rappelé"), _("Sans perdre sa place.")),
                Entry("callback_key", _("Touche du rappel"), _("L’annonce livrée dit 2.")),
                Entry("callback_after_s", _("Proposé après")),
            ),
        ),
        Group(
            _("Niveau de service"),
            (
                Entry("service_level.formula", _("Formule"), _("Par sa lettre, comme au contrat.")),
                Entry("service_level.threshold_s", _("Répondu en moins de")),
                Entry("service_level.target", _("Part promise"), _("0,8 : quatre appelants sur cinq.")),
                Entry("service_level.short_s", _("Raccroché trop vite"), _("N’a pas attendu.")),
            ),
        ),
    ),
    named=True,
    one=_("File d’attente"),
    add=_("Nouvelle file"),
)

AGENTS: Final = Kind(
    "agents",
    _("Conseillers"),
    _("Ce que chacun sait faire ; les files en découlent."),
    (
        Group(
            _("L’essentiel"),
            (
                Entry("name", _("Nom"), _("Comme le plateau le montre.")),
                Entry("phone", _("Téléphone"), _("Compte SIP ; vide : il travaille dans un navigateur.")),
                Entry("language", _("Langue de travail"), _("Celle dans laquelle on lui parle.")),
                Entry("supervisor", _("Superviseur"), _("Peut écouter, souffler, intervenir.")),
            ),
        ),
        Group(
            _("Ce qu’il sait faire"),
            (
                Entry("skills", _("Langues et compétences"), _("De 1 à 10 ; vide : aucune."), "levels"),
                Entry(
                    "queues",
                    _("Seulement ces files"),
                    _("Aucune cochée : toutes celles qu’il peut servir."),
                    "queues",
                ),
                Entry("own", _("D’abord ces files"), _("À priorité égale."), "queues"),
            ),
        ),
        Group(
            _("Sa ligne"),
            (
                Entry("mode", _("Ligne")),
                Entry(
                    "ready_on_start", _("Prêt à l’ouverture"), _("Connecté et prêt quand le centre démarre.")
                ),
            ),
        ),
    ),
    named=True,
    one=_("Conseiller"),
    add=_("Nouveau conseiller"),
)

CALENDARS: Final = Kind(
    "calendars",
    _("Horaires"),
    _("Des semaines, et les jours qui font exception."),
    (
        Group(
            _("La semaine"),
            tuple(
                Entry(f"hours.{key}", label, look="periods")
                for key, label in (
                    ("mon", _("Lundi")),
                    ("tue", _("Mardi")),
                    ("wed", _("Mercredi")),
                    ("thu", _("Jeudi")),
                    ("fri", _("Vendredi")),
                    ("sat", _("Samedi")),
                    ("sun", _("Dimanche")),
                )
            ),
        ),
        Group(
            _("Jours d’exception"),
            (
                Entry(
                    "holidays",
                    _("Jours fériés et jours particuliers"),
                    _(
                        "Un par ligne : morocco, france ou spain pour les jours fériés fixes, une date pour un jour fermé, "
                        "une date suivie d’heures pour un jour particulier."
                    ),
                    "holidays",
                ),
                Entry("timezone", _("Fuseau horaire"), _("Vide : celui du centre.")),
            ),
        ),
    ),
    named=True,
    one=_("Calendrier"),
    add=_("Nouveaux horaires"),
)

TRUNKS: Final = Kind(
    "trunks",
    _("Lignes opérateur"),
    _("Par où les appels viennent et partent."),
    (
        Group(
            _("L’opérateur"),
            (
                Entry("host", _("Adresse"), _("Nom ou adresse IP où les appels sont envoyés.")),
                Entry("port", _("Port")),
                Entry("transport", _("Transport")),
                Entry(
                    "hosts",
                    _("D’où viennent ses appels"),
                    _("Adresses IP, une par ligne : personne d’autre ne peut appeler."),
                    "lines",
                ),
            ),
        ),
        Group(
            _("Le compte"),
            (
                Entry("user", _("Compte"), _("Son mot de passe s’entre plus bas, et n’est jamais montré.")),
                Entry("realm", _("Domaine du compte"), _("Le mot de passe ne va qu’à ce domaine.")),
                Entry("register", _("S’y enregistrer")),
                Entry("register_s", _("Durée d’un enregistrement")),
                Entry("keep_alive_s", _("Demander s’il est là toutes les"), _("0 : jamais.")),
            ),
        ),
    ),
    named=True,
    one=_("Ligne opérateur"),
    add=_("Nouvelle ligne"),
)

DIALLING: Final = Kind(
    "dialling",
    _("Appels vers l’extérieur"),
    _("Sans route, rien ne peut être composé."),
    (
        Group(
            _("Limites"),
            (
                Entry("concurrent_max", _("Appels à la fois")),
                Entry("hourly_max", _("Dépense par heure"), _("Dans votre monnaie.")),
            ),
        ),
        Group(
            _("Routes"),
            (
                Entry(
                    "routes",
                    _("Ce qui peut être composé"),
                    _("Le préfixe le plus long l’emporte ; la première ligne debout porte l’appel."),
                    "routes",
                ),
            ),
        ),
    ),
)

PAUSE_CODES: Final = Kind(
    "pause_codes",
    _("Motifs de pause"),
    _("Composés par leur rang : l’ordre compte."),
    (Group(_("Motifs"), (Entry("", _("Motifs de pause"), look="codes"),)),),
)

DISPOSITIONS: Final = Kind(
    "dispositions",
    _("Résultats d’appel"),
    _("Comment un appel s’est passé ; composés par leur rang."),
    (Group(_("Résultats"), (Entry("", _("Résultats d’appel"), look="codes"),)),),
)

HOUSE: Final = Kind(
    "house",
    _("Le centre"),
    _("Son nom, son pays, ses langues, ses dossiers."),
    (
        Group(
            _("L’essentiel"),
            (
                Entry("name", _("Nom du centre")),
                Entry("country", _("Pays"), _("Comment lire les numéros sans +.")),
                Entry("timezone", _("Fuseau horaire"), _("L’heure au mur.")),
                Entry("language", _("Langue des conseillers")),
                Entry("languages", _("Langues parlées avec les appelants"), _("Séparées par des virgules.")),
                Entry(
                    "queue_choice", _("Quelle file d’abord"), _("Pour un conseiller qui en sert plusieurs.")
                ),
            ),
        ),
        Group(
            _("Dossiers et domaine"),
            (
                Entry(
                    "realm", _("Domaine des téléphones"), _("En changer demande de nouveaux mots de passe.")
                ),
                Entry("data_folder", _("Dossier des données")),
                Entry("recordings_folder", _("Dossier des enregistrements")),
                Entry("prompts_folder", _("Dossier des annonces")),
            ),
        ),
    ),
)

SIP: Final = Kind(
    "sip",
    _("Signalisation"),
    _("Où les téléphones et les opérateurs joignent le centre."),
    (
        Group(
            _("Adresses"),
            (
                Entry("udp", "UDP"),
                Entry("tcp", "TCP"),
                Entry("tls", "TLS"),
                Entry("certificate", _("Certificat")),
                Entry("key", _("Clé du certificat")),
                Entry("advertised_host", _("Adresse annoncée"), _("Celle que les autres doivent joindre.")),
                Entry("session_expires_s", _("Durée d’une session muette")),
            ),
        ),
    ),
)

MEDIA: Final = Kind(
    "media",
    _("Audio"),
    _("Les processus qui portent la voix, et leurs ports."),
    (
        Group(
            _("Processus"),
            (
                Entry("host", _("Adresse")),
                Entry("workers", _("Processus audio"), _("Un pour environ 200 appels.")),
                Entry("first_port", _("Premier port")),
                Entry("ports_per_worker", _("Paires de ports par processus")),
                Entry("rtp_timeout_s", _("Silence du réseau avant de raccrocher")),
            ),
        ),
    ),
)

WEB: Final = Kind(
    "web",
    _("Pages"),
    _("Où ces pages sont servies."),
    (
        Group(
            _("Adresses"),
            (
                Entry("listen", _("Adresse d’écoute")),
                Entry("address", _("Adresse dans les navigateurs")),
                Entry("database", _("Base de données"), _("Vide : SQLite dans le dossier des données.")),
                Entry("first_port", _("Premier port audio des navigateurs")),
                Entry("ports", _("Nombre de ports")),
            ),
        ),
    ),
)

LIMITS: Final = Kind(
    "limits",
    _("Limites"),
    _("Au-delà, un appelant est refusé poliment."),
    (
        Group(
            _("Limites"),
            (
                Entry("calls_max", _("Appels à la fois")),
                Entry("queue_max", _("Appelants dans une file")),
            ),
        ),
    ),
)

STAR_CODES: Final = Kind(
    "star_codes",
    _("Codes étoile"),
    _("Ce que les conseillers composent sur leur téléphone."),
    (
        Group(
            _("Codes"),
            (
                Entry("login", _("Prendre son poste")),
                Entry("ready", _("Être prêt")),
                Entry("pause", _("Faire une pause")),
                Entry("wrap_done", _("Finir le traitement")),
                Entry("disposition", _("Résultat de l’appel")),
                Entry("logout", _("Quitter son poste")),
                Entry("record_pause", _("Suspendre l’enregistrement")),
                Entry("listen", _("Écouter")),
                Entry("whisper", _("Souffler")),
                Entry("barge", _("Intervenir")),
            ),
        ),
    ),
)

KINDS: Final = {
    kind.name: kind
    for kind in (
        PROGRAMMES,
        QUEUES,
        AGENTS,
        CALENDARS,
        TRUNKS,
        DIALLING,
        PAUSE_CODES,
        DISPOSITIONS,
        HOUSE,
        SIP,
        MEDIA,
        WEB,
        LIMITS,
        STAR_CODES,
    )
}

VALUES: Final[dict[str, Words]] = {
    "longest-idle": _("libre depuis le plus longtemps"),
    "best-skill": _("le plus compétent"),
    "least-occupied": _("le moins occupé"),
    "ring-all": _("tous sonnent à la fois"),
    "random": _("au hasard"),
    "longest-wait": _("la plus longue attente"),
    "service-target": _("la promesse la plus entamée"),
    "longest-queue": _("la plus longue file"),
    "none": _("n’enregistrer personne"),
    "announce": _("le dire, puis enregistrer"),
    "ask": _("enregistrer qui appuie sur 1"),
    "voicemail": _("messagerie"),
    "message": _("un message, puis raccrocher"),
    "ring": _("sonne à chaque appel"),
    "nailed": _("reste ouverte entre les appels"),
    "always": _("toujours ouvert"),
    "morocco": _("jours fériés du Maroc"),
    "france": _("jours fériés de la France"),
    "spain": _("jours fériés de l’Espagne"),
}
"""What words of the file are called."""
