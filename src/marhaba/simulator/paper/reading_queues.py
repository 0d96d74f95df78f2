"""[queues.NAME]: the rules of centre.toml in its words, and those that only a model can have yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from marhaba.files.queue_rules import ServiceLevel, read_rules, read_service_level
from marhaba.files.sections import Section
from marhaba.kernel.rules import Channel, QueueRules, Strategy
from marhaba.simulator.paper.reading_spans import Intervals

QUEUE_MAX = 100_000
STRATEGIES = [strategy.value for strategy in Strategy]
CHANNELS = [channel.value for channel in Channel]


def read_queue(
    section: Section, name: str, names: Sequence[str], *, languages: Sequence[str], intervals: Intervals
) -> tuple[QueueRules, ServiceLevel, float | None]:
    """The rules, the promise, and from when on nobody is let in."""
    rules = read_rules(section, name, names, languages=languages, queue_max=QUEUE_MAX, strategies=STRATEGIES)
    channel = Channel(section.choice("channel", CHANNELS, Channel.VOICE.value))
    if channel is Channel.TEXT and rules.strategy is Strategy.RING_ALL:
        section.wrong("strategy", rules.strategy.value, "model_ring_all")
        rules = replace(rules, strategy=Strategy.LONGEST_IDLE)
    rules = replace(
        rules,
        channel=channel,
        overflow_size=rules.overflow_size if section.has("overflow_size") else 0,
    )
    closes = _closes(section, intervals)
    return rules, read_service_level(section.section("service_level")), closes


def _closes(section: Section, intervals: Intervals) -> float | None:
    """Seconds from the beginning; of several days, on the last."""
    if not section.has("closes"):
        return None
    text, hours = section.text("closes"), intervals.hours
    at = hours.since_begin(text, hours.days)
    if at is None:
        about = {"begin": hours.clock(0.0), "end": hours.clock(hours.length_s)}
        section.wrong("closes", text, "model_time_within", **about)
    return at
