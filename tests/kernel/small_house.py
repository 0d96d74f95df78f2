"""A house of few queues and few agents, told in short: what the routing tests are written in."""

from __future__ import annotations

from marhaba.kernel.routing import AgentState, QueueRules, Routing

READY, PAUSED, OUT = AgentState.READY, AgentState.PAUSED, AgentState.LOGGED_OUT


def house(*queues: QueueRules, **limits: int) -> Routing:
    return Routing(queues or [QueueRules("q", language_level=0)], **limits)


def seat(
    routing: Routing, agent: str, *, at: float = 0.0, queues: list[str] | None = None, **skills: int
) -> None:
    """Log an agent in, ready; `lang_fr=5` stands for "lang:fr"."""
    routing.set_agent(agent, {name.replace("_", ":"): level for name, level in skills.items()}, queues)
    routing.agent_state(at, agent, READY)


def first(routing: Routing, now: float) -> tuple[str, str] | None:
    """What is decided first, not carried out."""
    decision = routing.decide(now)
    return decision and (decision.contact, decision.agent)


def carry_out(routing: Routing, now: float) -> list[tuple[str, str]]:
    done = []
    while (decision := routing.decide(now)) is not None:
        routing.assign(now, decision.contact, decision.agent)
        done.append((decision.contact, decision.agent))
    return done
