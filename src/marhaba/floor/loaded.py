"""What routing goes by, as the event `centre.loaded` tells it: the rules of the queues and what agents can do.

It is in the journal, so that the state is a replay of events alone: a day is decided again by the rules it had, whatever
centre.toml says by now. What else of a queue matters to somebody who simulates the day stands there as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from marhaba.centre.model import Agent, Centre, Queue, QueueChoice
from marhaba.files.queue_rules import ServiceLevel
from marhaba.kernel.routing import Routing
from marhaba.kernel.rules import QueueRules


@dataclass(frozen=True, slots=True)
class LoadedQueue:
    rules: QueueRules
    ring_s: float
    wrap_s: float
    max_wait_s: float  # 0: no limit of its own
    callback: bool
    callback_after_s: float
    service_level: ServiceLevel


@dataclass(frozen=True, slots=True)
class LoadedAgent:
    skills: Mapping[str, int]
    queues: tuple[str, ...] | None  # None: every queue whose skills fit
    own: tuple[str, ...] = ()  # whose callers go first for him


@dataclass(frozen=True, slots=True)
class Loaded:
    """Of one centre.toml, and what calls in progress still need of the one before."""

    timezone: str
    queues: Mapping[str, LoadedQueue]
    agents: Mapping[str, LoadedAgent]
    queue_choice: QueueChoice = QueueChoice.LONGEST_WAIT


def loaded_from(centre: Centre, old: Loaded | None, *, queues: Set[str], agents: Set[str]) -> Loaded:
    """What `centre` says; of `old`, the queues and agents that calls in progress cannot do without."""
    now_queues = {queue.name: _queue(queue) for queue in centre.queues.values()}
    now_agents = {agent.id: _agent(agent) for agent in centre.agents.values()}
    if old is not None:
        gone = {name: queue for name, queue in old.queues.items() if name in queues - now_queues.keys()}
        there = now_queues.keys() | gone.keys()
        now_queues |= {name: _without(queue, there) for name, queue in gone.items()}
        now_agents |= {name: old.agents[name] for name in old.agents if name in agents - now_agents.keys()}
    return Loaded(centre.timezone, now_queues, now_agents, centre.queue_choice)


def told(loaded: Loaded) -> dict[str, Any]:
    """The event's data: what JSON can hold, and as it comes back from it."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(loaded))
    return plain


def understood(data: Mapping[str, Any]) -> Loaded | None:
    """From the event's data; None: the event is older than this."""
    return msgspec.convert(data, Loaded) if "queues" in data else None


def adopt(routing: Routing, loaded: Loaded) -> None:
    """From now on `routing` goes by it. Whoever waits keeps his place, whoever is ready his turn."""
    routing.configure(
        [weighed(queue, loaded.queue_choice) for queue in loaded.queues.values()],
        longest_queue=loaded.queue_choice is QueueChoice.LONGEST_QUEUE,
    )
    for name in sorted(routing.standing()):  # by name: it decides which numbers, and lots, newcomers get
        if name not in loaded.agents:
            routing.remove_agent(name)
    for name, agent in loaded.agents.items():
        routing.set_agent(name, agent.skills, agent.queues, agent.own)


def weighed(queue: LoadedQueue, choice: QueueChoice) -> QueueRules:
    """The rules as the kernel goes by them: where targets decide, a wait counts by the share of the target it uses up."""
    if choice is not QueueChoice.SERVICE_TARGET:
        return queue.rules
    return replace(queue.rules, weight=queue.rules.weight / queue.service_level.threshold_s)


def _queue(queue: Queue) -> LoadedQueue:
    return LoadedQueue(
        queue.rules,
        queue.ring_s,
        queue.wrap_s,
        queue.max_wait_s,
        queue.callback,
        queue.callback_after_s,
        queue.service_level,
    )


def _without(queue: LoadedQueue, there: Set[str]) -> LoadedQueue:
    """A queue that outlives its centre keeps agents only for queues that are still there."""
    keep = {name: agents for name, agents in queue.rules.keep.items() if name in there}
    return replace(queue, rules=replace(queue.rules, keep=keep))


def _agent(agent: Agent) -> LoadedAgent:
    return LoadedAgent(agent.skills, agent.queues, agent.own)
