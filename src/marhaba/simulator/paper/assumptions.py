"""What a model assumes, said in a reader's words: who comes, how patient they are, how long they are helped, and by whom."""

from __future__ import annotations

from marhaba.report.words import decimal, say, seconds, thousands
from marhaba.simulator.laws import Constant, Exponential, Law, LogNormal, Never
from marhaba.simulator.model import ContactType, Dialled, PerInterval, Recorded, Return
from marhaba.simulator.paper.checks import there
from marhaba.simulator.paper.paper import Paper
from marhaba.simulator.paper.sheets import Sheet


def types_assumed(paper: Paper, language: str) -> Sheet:
    keys = ("type", "queue", "model.arrivals", "model.patience", "model.handle", "model.wrap", "model.next")
    rows = tuple(
        (
            each.name,
            each.queue,
            _arrivals(each, paper, language),
            _balk(each, law_words(each.patience, language)),
            law_words(each.handle, language),
            law_words(each.wrap, language) if each.wrap is not None else "–",
            _next(paper, each, language),
        )
        for each in paper.data.types
    )
    return Sheet(tuple(say(key, language) for key in keys), rows, left=len(keys))


def queues_assumed(paper: Paper, language: str) -> Sheet:
    promises = {each.queue: paper.promises[each.name] for each in paper.data.types}
    rows = []
    for rules in paper.data.queues:
        needs = [f"{skill} ≥ {level}" for skill, level in rules.skills.items()]
        if rules.language_level and any(each.language for each in paper.data.types):
            needs.append(f"{say('language', language).lower()} ≥ {rules.language_level}")
        promise = promises.get(rules.name)
        said = "–"
        if promise is not None:
            said = f"{promise.formula} {decimal(100.0 * promise.target, 0, language)} % / {promise.threshold_s:g} s"
        rows.append((rules.name, ", ".join(needs) or "–", rules.strategy.value, said))
    keys = ("queue", "model.requires", "model.strategy", "promise")
    return Sheet(tuple(say(key, language) for key in keys), tuple(rows), left=len(keys))


def agents_assumed(paper: Paper, language: str) -> Sheet:
    rows = []
    for agents in paper.data.agents:
        skills = ", ".join(f"{skill.removeprefix('lang:')} {level}" for skill, level in agents.skills.items())
        if agents.shifts:
            count = say("model.shifts", language).format(count=len(agents.shifts))
        else:
            least, most = min(agents.count), max(agents.count)
            count = str(most) if least == most else f"{least} – {most}"
        rows.append((agents.name, skills or "–", count, decimal(there(paper.data, agents), 1, language)))
    keys = ("agents", "model.skills", "model.count", "there")
    return Sheet(tuple(say(key, language) for key in keys), tuple(rows), left=3)


def law_words(law: Law, language: str) -> str:
    if isinstance(law, Never):
        return say("law.never", language)
    mean = seconds(law.mean, language)
    if isinstance(law, Constant):
        return say("law.constant", language).format(mean=mean)
    if isinstance(law, Exponential):
        return say("law.exponential", language).format(mean=mean)
    if isinstance(law, LogNormal):
        return say("law.lognormal", language).format(mean=mean, sd=seconds(law.sd, language))
    return say("law.other", language).format(law=type(law).__name__, mean=mean)


def _arrivals(each: ContactType, paper: Paper, language: str) -> str:
    arrivals = each.arrivals
    if isinstance(arrivals, Recorded):
        return say("model.recorded", language).format(count=thousands(len(arrivals.at)))
    if isinstance(arrivals, Dialled):
        return say("model.dialled", language).format(ratio=f"{arrivals.ratio:g}")
    if isinstance(arrivals, PerInterval):
        count = sum(arrivals.counts)
    else:
        count = arrivals.per_hour * paper.data.horizon_s / 3600.0
    text = thousands(count)
    if arrivals.busyness:
        share = f"{decimal(100.0 / arrivals.busyness**0.5, 0, language)} %"
        text += " · " + say("model.busyness", language).format(share=share)
    return text


def _balk(each: ContactType, patience: str) -> str:
    return f"{patience} · {100.0 * each.balk:g} % → 0 s" if each.balk else patience


def _next(paper: Paper, each: ContactType, language: str) -> str:
    said = [_return(row, language) for row in paper.data.returns if row.contact_type == each.name]
    if each.callback is not None:
        share, after = f"{100.0 * each.callback.accepted:g} %", seconds(each.callback.after_s, language)
        said.append(say("model.callback", language).format(share=share, after=after))
    return " · ".join(said) or "–"


def _return(row: Return, language: str) -> str:
    text = say(f"model.after.{row.after}", language).format(share=f"{100.0 * row.chance:g} %", to=row.to)
    return f"{text} ({seconds(row.delay.mean, language)})" if row.delay is not None else text
