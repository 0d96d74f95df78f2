"""What no single table of centre.toml can see: names and numbers that collide, words that no other table knows."""

from __future__ import annotations

from collections.abc import Mapping

from marhaba.centre.model import Centre, Programme
from marhaba.centre.secrets import Secrets
from marhaba.files.sections import Section, nearest
from marhaba.kernel.eligibility import SKILLS_MAX
from marhaba.kernel.numbers import COUNTRIES, normalise
from marhaba.kernel.routing import AGENTS_MAX

SKILLS_COUNT_MAX = SKILLS_MAX // 2 - 24
"""A reload holds the old skills beside the new, and languages that callers bring and no agent has."""


def forms(number: str, country: str) -> list[str]:
    """The ways a carrier may write one of our numbers in an INVITE; the listed one first."""
    full = normalise(number, country=country)
    if full is None:
        return [number]
    plan = COUNTRIES[country]
    spelled = [number, full, full[1:]]
    if full.startswith(f"+{plan.prefix}"):
        spelled.append(plan.trunk + full.removeprefix(f"+{plan.prefix}"))
    return list(dict.fromkeys(spelled))


def check_numbers(top: Section, programmes: Mapping[str, Programme], country: str) -> dict[str, str]:
    """Every number of the centre, in every form, to its programme; one number rings one programme."""
    listed: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for name, programme in programmes.items():
        for position, number in enumerate(programme.numbers):
            for form in forms(number, country):
                other = spelled.setdefault(form, name)
                if other != name:
                    top.wrong(
                        ("programmes", name, "numbers", position), number, "number_once", programme=other
                    )
                    break
            listed.setdefault(number, name)
    return listed | {form: name for form, name in spelled.items() if form not in listed}


def check_names(top: Section, centre: Centre, secrets: Secrets | None) -> None:
    """Whatever can be dialled or named as a target means one thing."""
    meaning = {number: f"programmes.{name}" for number, name in centre.numbers.items()}

    def claim(name: str, owner: str, path: tuple[str, ...]) -> None:
        if (other := meaning.setdefault(name, owner)) != owner:
            top.wrong(path, name, "name_once", other=other)

    for queue in centre.queues:
        claim(queue, f"queues.{queue}", ("queues", queue))
    for name in centre.agents:
        claim(name, f"agents.{name}", ("agents", name))
    for agent in centre.agents.values():
        # A phone may bear its agent's name, and two shifts may share a phone; nothing else may be shared.
        if agent.phone and agent.phone != agent.id:
            claim(agent.phone, f"phone {agent.phone}", ("agents", agent.id, "phone"))
    _check_shared_phones(top, centre)
    _check_skills(top, centre)
    _check_size(top, centre)
    _check_realm(top, centre, secrets)


def _check_shared_phones(top: Section, centre: Centre) -> None:
    first: dict[str, str] = {}
    for agent in centre.agents.values():
        if (
            agent.phone
            and agent.ready_on_start
            and (other := first.setdefault(agent.phone, agent.id)) != agent.id
        ):
            top.wrong(
                ("agents", agent.id, "ready_on_start"), True, "one_ready", other=other, phone=agent.phone
            )


def _check_skills(top: Section, centre: Centre) -> None:
    """A skill nobody has may be planned; one that is nearly somebody's is a slip of the finger."""
    known = {skill for agent in centre.agents.values() for skill in agent.skills}
    for queue in centre.queues.values():
        for skill in queue.rules.skills.keys() - known:
            if near := nearest(skill, known):
                top.wrong(("queues", queue.name, "skills", skill), skill, "known_skill", hint=near)


def _check_size(top: Section, centre: Centre) -> None:
    """What the kernel's tables hold; a centre beyond it is refused here, not in the middle of a reload."""
    if len(centre.agents) > AGENTS_MAX:
        top.wrong("agents", len(centre.agents), "agents_count", count=AGENTS_MAX)
    skills = {skill for agent in centre.agents.values() for skill in agent.skills}
    skills |= {skill for queue in centre.queues.values() for skill in queue.rules.skills}
    if len(skills) > SKILLS_COUNT_MAX:
        top.wrong("agents", len(skills), "skills_count", count=SKILLS_COUNT_MAX)


def _check_realm(top: Section, centre: Centre, secrets: Secrets | None) -> None:
    """A phone's secret holds in one realm only: after a change of realm no phone could register."""
    for user, realm in (secrets.realms if secrets is not None else {}).items():
        if realm != centre.realm:
            top.wrong("realm", centre.realm, "realm_of_phones", realm=realm, phone=user)
            return
