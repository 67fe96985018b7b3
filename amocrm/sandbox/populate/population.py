"""Fills an account with a year of data, step by step in the order of time.

Every step is a write of the sandbox at its moment, so that events, links and stamps are those that
requests would have left. No webhook tells of it.
"""

from __future__ import annotations

import contextlib
import gc
import random
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from amocrm.sandbox.data.entity_types import ENTITY_TYPES
from amocrm.sandbox.data.state import LOST, Account, Entity, Ids
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Operation
from amocrm.sandbox.engine.writing import Writer
from amocrm.sandbox.entities.loss_reasons import LOSS_REASONS
from amocrm.sandbox.entities.notes import LEAD_NOTES, make_note
from amocrm.sandbox.entities.tasks import TASKS, add_task, change_task
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.http.request import IncomingRequest
from amocrm.sandbox.oauth.tokens import Grant
from amocrm.sandbox.populate.field_values import draw_values
from amocrm.sandbox.populate.people import Pool, pool_of
from amocrm.sandbox.populate.story import DAY, Story, beginnings, draw_story, pipelines_of
from amocrm.sandbox.populate.texts import TEXTS, Language, Texts

_KNOWN_PERSON, _HAS_COMPANY, _KNOWN_COMPANY = 0.25, 0.45, 0.3
_NOTES = (0, 1, 1, 2, 3)
_MAIN_PIPELINE = 0.6
_PRICES = {"ru": (3.5, 6.2), "en": (2.0, 4.7)}
"""Powers of ten between which sums lie."""


Locale: TypeAlias = 'Literal["ru", "en", "both"]'


def languages_of(account: Account, locale: Locale | None) -> tuple[Language, ...]:
    """Return the languages of names and texts.

    Raises:
        ValueError: there is no such locale.
    """
    if locale is None:
        return ("ru",) if account.zone.endswith(".ru") else ("en",)
    if locale not in ("ru", "en", "both"):
        raise ValueError(f"locale must be 'ru', 'en' or 'both', not {locale!r}")
    return ("ru", "en") if locale == "both" else (locale,)


@dataclass(frozen=True)
class Setting:
    """Where and for whom data is made."""

    account: Account
    ids: Ids
    client_id: str
    now: int
    seed: int
    languages: tuple[Language, ...]


@dataclass
class _Person:
    pool: Pool
    user_id: int
    number: int = 0
    company: int = 0
    phone: str = ""


@dataclass
class _Lead:
    user_id: int
    number: int = 0
    person: _Person | None = None

    @property
    def texts(self) -> Texts:
        return TEXTS[self.person.pool.language if self.person else "ru"]


@contextlib.contextmanager
def _uncollected() -> Generator[None]:
    """Let the garbage collector rest while there is no garbage: it would take most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Population:
    """The data of one account on its way."""

    def __init__(self, setting: Setting) -> None:
        """Look at the account: who works there, and what its pipelines are."""
        self._at = setting
        self._rnd = random.Random(f"populate-{setting.seed}")
        self._pools = [pool_of(one, setting.seed) for one in setting.languages]
        account = setting.account
        self._users = [one.id for one in account.users.values() if one.is_active]
        self._pipelines = pipelines_of(account)
        self._task_types = [int(one) for one in account.shelf("task_types")] or [1]
        self._steps: list[tuple[int, int, Callable[[int], object]]] = []
        self._people: list[_Person] = []
        self._companies: list[int] = []
        self._reasons: list[int] = []
        self._request = IncomingRequest.of_json("POST", account.host, "/api/v4", None)

    def fill(self, leads: int) -> None:
        """Add leads, and all that belongs to them.

        Raises:
            ValueError: the number is negative, or there is no stage for new leads.
        """
        if leads < 0:
            raise ValueError(f"leads must not be negative: {leads}")
        if not self._pipelines:
            raise ValueError("the account has no pipeline with a stage for new leads")
        with _uncollected():
            self._fill(leads)

    def _fill(self, leads: int) -> None:
        self._reasons = self._loss_reasons()
        for number, begins in enumerate(beginnings(leads, self._at.now, self._rnd), 1):
            self._plan(number, begins)
        self._steps.sort(key=lambda step: step[:2])
        for at, _, step in self._steps:
            step(at)
        self._settle()

    def _plan(self, number: int, begins: int) -> None:
        rnd, now = self._rnd, self._at.now
        pipeline, stages = self._pipelines[0]
        if len(self._pipelines) > 1 and rnd.random() > _MAIN_PIPELINE:
            pipeline, stages = rnd.choice(self._pipelines[1:])
        story = draw_story(pipeline, stages, begins, now, rnd)
        lead = _Lead(rnd.choice(self._users))
        self._step(begins, partial(self._add_lead, lead, story, number))
        for move in story.moves[1:]:
            self._step(move.at, partial(self._move_lead, lead, story.pipeline_id, move.status_id))
        for _ in range(rnd.choice(_NOTES)):
            self._step(rnd.randint(begins, story.ends), partial(self._add_note, lead))
        if rnd.random() < 0.3:
            self._plan_task(lead, rnd.randint(begins, story.ends), is_open=False)
        if story.is_open and rnd.random() < 0.7:
            self._plan_task(lead, story.ends, is_open=True)

    def _plan_task(self, lead: _Lead, begins: int, *, is_open: bool) -> None:
        rnd, now = self._rnd, self._at.now
        ends = begins + rnd.randint(DAY // 4, 3 * DAY)
        done = min(now, ends - rnd.randrange(DAY // 4))
        if is_open:
            ends = max(ends, now + rnd.randint(-3 * DAY, 14 * DAY))
        box: list[Entity] = []
        self._step(begins, partial(self._add_task, lead, ends, box))
        if not is_open:
            self._step(done, partial(self._complete_task, lead, box))

    def _step(self, at: int, step: Callable[[int], object]) -> None:
        self._steps.append((at, len(self._steps), step))

    def _add_lead(self, lead: _Lead, story: Story, number: int, at: int) -> None:
        rnd = self._rnd
        person = lead.person = self._person(lead.user_id, at)
        texts = TEXTS[person.pool.language]
        title = rnd.choice(texts.titles)
        company = self._at.account.entities["companies"].get(person.company, {"name": ""})
        if "{company}" in title and not company["name"]:
            title = texts.titles[0]
        low, high = _PRICES[person.pool.language]
        embedded: Entity = {"contacts": [{"id": person.number, "is_main": True}]}
        if person.company:
            embedded["companies"] = [{"id": person.company}]
        model: Entity = {
            "name": title.format(number=number, company=company["name"]),
            "price": round(10 ** rnd.uniform(low, high), -2 if high > 5 else 0),
            "pipeline_id": story.pipeline_id,
            "status_id": story.moves[0].status_id,
            "custom_fields_values": draw_values(self._at.account, "leads", at, texts, rnd),
            "_embedded": embedded,
        }
        if rnd.random() < 0.5:
            model["tags_to_add"] = [{"name": rnd.choice(texts.tags)}]
        model["price"] = int(model["price"])
        made = self._writer(lead.user_id, at).create(ENTITY_TYPES["leads"], model)
        lead.number = made["id"]

    def _move_lead(self, lead: _Lead, pipeline_id: int, status_id: int, at: int) -> None:
        model: Entity = {"status_id": status_id, "pipeline_id": pipeline_id}
        if status_id == LOST:
            model["loss_reason_id"] = self._rnd.choice(self._reasons)
        entity = self._at.account.entities["leads"][lead.number]
        self._writer(lead.user_id, at).update(ENTITY_TYPES["leads"], entity, model)

    def _person(self, user_id: int, at: int) -> _Person:
        rnd = self._rnd
        if self._people and rnd.random() < _KNOWN_PERSON:
            return rnd.choice(self._people)
        pool = rnd.choice(self._pools)
        person = _Person(pool, user_id, phone=pool.phone(rnd))
        if rnd.random() < _HAS_COMPANY:
            person.company = self._company(pool, user_id, at)
        name = pool.name(rnd)
        model: Entity = {
            "first_name": name.first,
            "last_name": name.last,
            "custom_fields_values": self._contact_values(person, pool.email(name, rnd)),
        }
        if person.company:
            model["_embedded"] = {"companies": [{"id": person.company}]}
        person.number = self._writer(user_id, at).create(ENTITY_TYPES["contacts"], model)["id"]
        self._people.append(person)
        return person

    def _contact_values(self, person: _Person, email: str) -> list[Json]:
        account, rnd = self._at.account, self._rnd
        wanted: list[tuple[str, Json]] = [
            ("PHONE", {"value": person.phone, "enum_code": "MOB"}),
            ("EMAIL", {"value": email, "enum_code": "WORK"}),
        ]
        if person.company:
            wanted.append(("POSITION", {"value": rnd.choice(person.pool.positions)}))
        return [
            {"field_code": code, "values": [value]}
            for code, value in wanted
            if account.field_by_code("contacts", code) is not None
        ]

    def _company(self, pool: Pool, user_id: int, at: int) -> int:
        rnd, account = self._rnd, self._at.account
        if self._companies and rnd.random() < _KNOWN_COMPANY:
            return rnd.choice(self._companies)
        model: Entity = {"name": rnd.choice(pool.companies), "custom_fields_values": []}
        if account.field_by_code("companies", "PHONE") is not None:
            values = [{"value": pool.phone(rnd), "enum_code": "WORK"}]
            model["custom_fields_values"] = [{"field_code": "PHONE", "values": values}]
        number = int(self._writer(user_id, at).create(ENTITY_TYPES["companies"], model)["id"])
        self._companies.append(number)
        return number

    def _add_note(self, lead: _Lead, at: int) -> None:
        rnd = self._rnd
        model: Entity = {"note_type": "common", "params": {"text": rnd.choice(lead.texts.notes)}}
        if lead.person is not None and rnd.random() < 0.35:
            params = {"phone": lead.person.phone, "duration": rnd.randrange(5, 900)}
            kind = rnd.choice(("call_in", "call_out"))
            model = {"note_type": kind, "params": {**params, "source": "PBX"}}
        operation = self._operation(LEAD_NOTES, lead.user_id, at)
        make_note(operation, {**model, "entity_id": lead.number})

    def _add_task(self, lead: _Lead, till: int, box: list[Entity], at: int) -> None:
        model: Entity = {
            "text": self._rnd.choice(lead.texts.tasks),
            "complete_till": till,
            "entity_id": lead.number,
            "entity_type": "leads",
            "task_type_id": self._rnd.choice(self._task_types),
        }
        box.append(add_task(self._operation(TASKS, lead.user_id, at), model))

    def _complete_task(self, lead: _Lead, box: list[Entity], at: int) -> None:
        model = {"is_completed": True, "result": {"text": self._rnd.choice(lead.texts.results)}}
        change_task(self._operation(TASKS, lead.user_id, at), box[0], model)

    def _loss_reasons(self) -> list[int]:
        known = self._at.account.shelf("loss_reasons")
        if not known:
            begin = self._at.now - 366 * DAY
            operation = self._operation(LOSS_REASONS, self._at.account.admin.id, begin)
            for name in TEXTS[self._at.languages[0]].reasons:
                operation.make({"name": name})
        return list(known)

    def _settle(self) -> None:
        account = self._at.account
        account.changes.take()
        events = account.shelf("events")
        inorder = sorted(events.items())
        events.clear()
        events.update(inorder)
        leads = account.entities["leads"]
        for task in account.shelf("tasks").values():
            lead = leads.get(task["entity_id"]) if task["entity_type"] == "leads" else None
            if lead is not None and not task["is_completed"]:
                known = lead["closest_task_at"] or task["complete_till"]
                lead["closest_task_at"] = min(known, task["complete_till"])

    def _writer(self, user_id: int, at: int) -> Writer:
        return Writer(self._at.account, self._at.ids, user_id, at, self._at.client_id)

    def _operation(self, row: Collection, user_id: int, at: int) -> Operation:
        account = self._at.account
        grant = Grant(self._at.client_id, account.id, user_id)
        call = Call(self._request, account, grant, at, self._at.ids, Counter())
        return Operation(call, row, {})
