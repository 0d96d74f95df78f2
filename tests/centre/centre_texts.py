"""The smallest centre that is right, with places to put something wrong, and every wrong thing that is told."""

from __future__ import annotations

from typing import NamedTuple

BASE = """\
name = "Essai"
country = "MA"
timezone = "Africa/Casablanca"
#top
[sip]
advertised_host = "192.0.2.1"
#sip
[media]
#media
[queues.accueil]
#queue
[queues.autre]
[programmes.banque]
numbers = ["0539000000"]
calendar = "always"
queue = "accueil"
#programme
[agents.amal]
phone = "101"
skills = { fr = 8, facture = 3 }
#agent
[agents.brahim]
phone = "102"
#end
"""


class Wrong(NamedTuple):
    """`text` goes to `place` (or replaces `instead`); the line marked with `# <-` must be named."""

    expected: str
    place: str
    text: str
    where: str
    found: str
    hint: str = ""
    instead: str = ""


def centre_text(place: str = "top", text: str = "", *, instead: str = "") -> str:
    base = BASE.replace(instead, "", 1) if instead else BASE
    base = base.replace(f"#{place}\n", f"{text}\n")
    return "\n".join(line for line in base.split("\n") if not line.startswith("#"))


def marked_line(text: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), 1) if "# <-" in line)


WRONG = [
    # unknown words, with what was probably meant
    Wrong("key", "top", "langage = 'fr' # <-", "langage", '"langage"', hint="language"),
    Wrong("key", "sip", "upd = '0.0.0.0:5060' # <-", "sip.upd", '"upd"', hint="udp"),
    Wrong("key", "queue", "ring = '20 s' # <-", "queues.accueil.ring", '"ring"', hint="ring_s"),
    Wrong("key", "agent", "colour = 'red' # <-", "agents.amal.colour", '"colour"'),
    Wrong("queue", "programme", "# <-", "programmes.banque.queue", "", instead='queue = "accueil"\n'),
    Wrong(
        "queue",
        "programme",
        "queue = 'acueil' # <-",
        "programmes.banque.queue",
        '"acueil"',
        "accueil",
        'queue = "accueil"\n',
    ),
    Wrong("queue", "queue", "overflow_to = 'accueil' # <-", "queues.accueil.overflow_to", '"accueil"'),
    Wrong(
        "queue", "agent", "queues = ['accueil', 'autres'] # <-", "agents.amal.queues[2]", '"autres"', "autre"
    ),
    Wrong(
        "calendar",
        "programme",
        "calendar = 'allways' # <-",
        "programmes.banque.calendar",
        '"allways"',
        "always",
        'calendar = "always"\n',
    ),
    Wrong("language", "top", "language = 'de' # <-", "language", '"de"'),
    Wrong("language", "programme", "languages = ['fr', 'de'] # <-", "programmes.banque.languages[2]", '"de"'),
    Wrong(
        "language",
        "programme",
        "queues_by_language = { es = 'accueil' } # <-",
        "programmes.banque.queues_by_language.es",
        '"es"',
    ),
    Wrong("language_code", "top", "languages = ['français'] # <-", "languages[1]", '"français"'),
    Wrong("country", "top", "country = 'PT' # <-", "country", '"PT"', instead='country = "MA"\n'),
    Wrong(
        "timezone",
        "top",
        "timezone = 'Africa/Casablanka' # <-",
        "timezone",
        '"Africa/Casablanka"',
        "Africa/Casablanca",
        'timezone = "Africa/Casablanca"\n',
    ),
    Wrong(
        "timezone", "end", "[calendars.bureau]\ntimezone = 'Mars' # <-", "calendars.bureau.timezone", '"Mars"'
    ),
    Wrong("choice", "agent", "mode = 'nail' # <-", "agents.amal.mode", '"nail"', "nailed"),
    Wrong("choice", "queue", "strategy = 'ramdom' # <-", "queues.accueil.strategy", '"ramdom"', "random"),
    Wrong("choice", "top", "queue_choice = 'oldest' # <-", "queue_choice", '"oldest"'),
    Wrong("queue", "queue", "keep = { autr = 1 } # <-", "queues.accueil.keep.autr", '"autr"', "autre"),
    Wrong("queue", "queue", "keep = { accueil = 1 } # <-", "queues.accueil.keep.accueil", '"accueil"'),
    Wrong("integer", "queue", "keep = { autre = -1 } # <-", "queues.accueil.keep.autre", "-1"),
    Wrong(
        "keep_count",
        "end",
        "".join(f"[queues.q{n}]\n" for n in range(9))
        + "[queues.q9]\nkeep = { "
        + ", ".join(f"q{n} = 1" for n in range(9))
        + " } # <-",
        "queues.q9.keep",
        "9",
    ),
    Wrong("number", "queue", "weight = 0 # <-", "queues.accueil.weight", "0"),
    Wrong("calendar", "queue", "calendar = 'nights' # <-", "queues.accueil.calendar", '"nights"'),
    Wrong("queue", "agent", "own = ['acueil'] # <-", "agents.amal.own[1]", '"acueil"', "accueil"),
    Wrong("queue", "agent", "queues = ['autre']\nown = ['accueil'] # <-", "agents.amal.own[1]", '"accueil"'),
    Wrong(
        "formula",
        "queue",
        "service_level = { formula = 'F7' } # <-",
        "queues.accueil.service_level.formula",
        '"F7"',
    ),
    Wrong(
        "known_skill",
        "queue",
        "skills = { factures = 2 } # <-",
        "queues.accueil.skills.factures",
        '"factures"',
        "facture",
    ),
    # texts, truths and numbers
    Wrong("text", "top", "name = '' # <-", "name", '""', instead='name = "Essai"\n'),
    Wrong("text", "agent", "name = 12 # <-", "agents.amal.name", "12"),
    Wrong("name", "agent", "phone = 'été' # <-", "agents.amal.phone", '"été"', instead='phone = "101"\n'),
    Wrong("name", "end", "[queues.'a b'] # <-", 'queues."a b"', '"a b"'),
    Wrong("truth", "queue", "callback = 'yes' # <-", "queues.accueil.callback", '"yes"'),
    Wrong("integer", "queue", "missed_pause_after = 0 # <-", "queues.accueil.missed_pause_after", "0"),
    Wrong("integer", "media", "workers = true # <-", "media.workers", "true"),
    Wrong(
        "integer",
        "agent",
        "skills = { fr = 11 } # <-",
        "agents.amal.skills.fr",
        "11",
        instead="skills = { fr = 8, facture = 3 }\n",
    ),
    Wrong("number", "end", "[dialling]\nhourly_max = -1 # <-", "dialling.hourly_max", "-1"),
    Wrong("duration", "queue", "ring_s = '20 sec' # <-", "queues.accueil.ring_s", '"20 sec"'),
    Wrong("duration", "queue", "ring_s = 0 # <-", "queues.accueil.ring_s", "0"),
    Wrong("duration", "queue", "wrap_s = '2 h' # <-", "queues.accueil.wrap_s", '"2 h"'),
    Wrong("list", "queue", "comfort = 1 # <-", "queues.accueil.comfort", "1"),
    Wrong("list", "programme", "# <-", "programmes.banque.numbers", "", instead='numbers = ["0539000000"]\n'),
    Wrong("table", "end", "[trunks]\nmaroc = 'x' # <-", "trunks.maroc", '"x"'),
    Wrong("tables", "queue", "relax = { after_s = 1 } # <-", "queues.accueil.relax", "{…}"),
    Wrong("realm", "top", "realm = 'a b' # <-", "realm", '"a b"'),
    Wrong(
        "prompt", "programme", "greeting = ['Welcome!'] # <-", "programmes.banque.greeting[1]", '"Welcome!"'
    ),
    Wrong("phone_key", "queue", "callback_key = '12' # <-", "queues.accueil.callback_key", '"12"'),
    Wrong("digit", "programme", "menu_digits = { a = 'fr' } # <-", "programmes.banque.menu_digits.a", '"a"'),
    # files and folders
    Wrong("folder", "top", "prompts_folder = 'nowhere' # <-", "prompts_folder", '"/centre/nowhere"'),
    Wrong("prompts", "top", "languages = ['fr', 'zgh'] # <-", "languages[2]", '"zgh"'),
    Wrong("socket_path", "top", f"data_folder = '{'d' * 99}' # <-", "data_folder", f'"/centre/{"d" * 99}"'),
    Wrong("file", "sip", "certificate = 'absent.pem' # <-", "sip.certificate", '"/centre/absent.pem"'),
    # addresses and ports
    Wrong("address", "sip", "udp = '5060' # <-", "sip.udp", '"5060"'),
    Wrong("address", "sip", "udp = '0.0.0.0:70000' # <-", "sip.udp", '"0.0.0.0:70000"'),
    Wrong("address", "end", "[web]\nlisten = '8080' # <-", "web.listen", '"8080"'),
    Wrong(
        "origin",
        "end",
        "[web]\naddress = 'https://centre.example/' # <-",
        "web.address",
        '"https://centre.example/"',
    ),
    Wrong("database", "end", "[web]\ndatabase = 'sqlite:///x' # <-", "web.database", '"sqlite:///x"'),
    Wrong(
        "database",
        "end",
        "[web]\ndatabase = 'postgresql://u:p@/x' # <-",
        "web.database",
        '"postgresql://u:p@/x"',
    ),
    Wrong("same_host", "sip", "tcp = '127.0.0.1:5060' # <-", "sip.tcp", '"127.0.0.1"'),
    Wrong(
        "own_address",
        "sip",
        "advertised_host = '0.0.0.0' # <-",
        "sip.advertised_host",
        '"0.0.0.0"',
        instead='advertised_host = "192.0.2.1"\n',
    ),
    Wrong("own_address", "media", "host = 'voice.example' # <-", "media.host", '"voice.example"'),
    Wrong("even_port", "media", "first_port = 20001 # <-", "media.first_port", "20001"),
    Wrong("port_range", "media", "first_port = 65000 # <-", "media.first_port", "65000"),
    Wrong("port_free", "media", "first_port = 5000 # <-", "media.first_port", "5000"),
    Wrong("host", "end", "[trunks.t]\nhost = 'a b' # <-", "trunks.t.host", '"a b"'),
    Wrong(
        "ip",
        "end",
        "[trunks.t]\nhost = 'sip.example'\nhosts = ['sip.example'] # <-",
        "trunks.t.hosts[1]",
        '"sip.example"',
    ),
    Wrong("trunk_user", "end", "[trunks.t]\nhost = '192.0.2.9'\nregister = true", "trunks.t.user", ""),
    Wrong("trunk_password", "end", "[trunks.t]\nhost = '192.0.2.9'\nuser = 'u' # <-", "trunks.t.user", '"u"'),
    Wrong(
        "trunk",
        "end",
        "[[dialling.routes]]\nprefix = '+212'\ntrunks = ['t'] # <-",
        "dialling.routes[1].trunks[1]",
        '"t"',
    ),
    Wrong(
        "prefix",
        "end",
        "[trunks.t]\nhost = '192.0.2.9'\n[[dialling.routes]]\nprefix = '0039' # <-\ntrunks = ['t']",
        "dialling.routes[1].prefix",
        '"0039"',
    ),
    # numbers and names that collide
    Wrong(
        "phone_number",
        "programme",
        "numbers = ['05 39'] # <-",
        "programmes.banque.numbers[1]",
        '"05 39"',
        instead='numbers = ["0539000000"]\n',
    ),
    Wrong(
        "number_once",
        "end",
        "[programmes.deux]\nnumbers = ['+212539000000'] # <-\ncalendar = 'always'\nqueue = 'autre'",
        "programmes.deux.numbers[1]",
        '"+212539000000"',
    ),
    Wrong(
        "listed_number",
        "programme",
        "language_by_number = { 0539000001 = 'fr' } # <-",
        "programmes.banque.language_by_number.0539000001",
        '"0539000001"',
        "0539000000",
    ),
    Wrong("name_once", "end", "[agents.driss]\nphone = 'amal' # <-", "agents.driss.phone", '"amal"'),
    Wrong("name_once", "end", "[agents.accueil] # <-\nphone = '103'", "agents.accueil", '"accueil"'),
    Wrong(
        "name_once", "end", "[agents.driss]\nphone = '0539000000' # <-", "agents.driss.phone", '"0539000000"'
    ),
    Wrong(
        "one_ready",
        "end",
        "ready_on_start = true\n[agents.driss]\nphone = '102'\nready_on_start = true # <-",
        "agents.driss.ready_on_start",
        "true",
    ),
    # skills and how they relax
    Wrong("language_skill", "queue", "skills = { fr = 5 } # <-", "queues.accueil.skills.fr", '"fr"'),
    Wrong(
        "relaxed_skill",
        "queue",
        "relax = [{ after_s = 30, levels = { langage = 1 } }] # <-",
        "queues.accueil.relax[1].levels.langage",
        '"langage"',
        "language",
    ),
    Wrong("relax_levels", "queue", "relax = [{ after_s = 30 }] # <-", "queues.accueil.relax[1].levels", ""),
    Wrong(
        "later_step",
        "queue",
        "relax = [\n{ after_s = 30, levels = { language = 1 } },\n{ after_s = 20, levels = { language = 0 } }, # <-\n]",
        "queues.accueil.relax[2].after_s",
        "20",
    ),
    Wrong(
        "lower_level",
        "queue",
        "relax = [{ after_s = 30, levels = { language = 2 } }] # <-",
        "queues.accueil.relax[1].levels.language",
        "2",
    ),
    Wrong(
        "relax_count",
        "queue",
        "relax = [\n"
        + "".join(f"{{ after_s = {n}, levels = {{ language = 1 }} }},\n" for n in range(1, 17))
        + "{ after_s = 17, levels = { language = 1 } }, # <-\n]",
        "queues.accueil.relax[17]",
        "",
    ),
    # hours
    Wrong(
        "hours",
        "end",
        "[calendars.bureau]\nhours.mon = ['8h30-18h30'] # <-",
        "calendars.bureau.hours.mon[1]",
        '"8h30-18h30"',
    ),
    Wrong(
        "hours",
        "end",
        "[calendars.bureau]\nhours.mon = '08:30-18:30' # <-",
        "calendars.bureau.hours.mon",
        '"08:30-18:30"',
    ),
    Wrong(
        "hours_apart",
        "end",
        "[calendars.bureau]\nhours.mon = ['08:00-12:00', '11:00-13:00'] # <-",
        "calendars.bureau.hours.mon",
        '["08:00-12:00", "11:00-13:00"]',
    ),
    Wrong(
        "date",
        "end",
        "[calendars.bureau]\nholidays = [{ date = '2026-02-30', hours = [] }] # <-",
        "calendars.bureau.holidays[1].date",
        '"2026-02-30"',
    ),
    Wrong(
        "holiday",
        "end",
        "[calendars.bureau]\nholidays = [\n'moroco', # <-\n]",
        "calendars.bureau.holidays[1]",
        '"moroco"',
        "morocco",
    ),
    # codes
    Wrong("star_code", "end", "[star_codes]\nlogin = '10' # <-", "star_codes.login", '"10"'),
    Wrong("star_code_free", "end", "[star_codes]\nready = '*101' # <-", "star_codes.ready", '"*101"'),
    Wrong("reserved", "end", "[pause_codes]\nmissed = 'Manqué' # <-", "pause_codes.missed", '"missed"'),
    # the text itself
    Wrong("toml", "queue", "ring_s = 20 s # <-", "centre.toml", "ring_s = 20 s # <-"),
    Wrong("toml_once", "end", "[agents.amal] # <-", "centre.toml", "[agents.amal] # <-"),
]
