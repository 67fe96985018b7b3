"""Actions on faults and the rate limit: make the portal ill, and well again."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING

from amocrm.sandbox.control.action import Action, Parameter, RefusedError, Values
from amocrm.sandbox.faults.plan import KINDS, FaultPlan
from amocrm.sandbox.http.answer import Json, is_object
from amocrm.sandbox.webhooks.faults import HookFault, HookFaultPlan

if TYPE_CHECKING:
    from amocrm.sandbox.portal import Sandbox

_CHANGES = ("settings",)
_DAY = 86_400
_SECONDS = ("latency", "jitter", "handshake")
_MEANINGS = {
    "latency": ("Seconds of a round trip.", "Задержка ответа в секундах."),
    "jitter": ("At most so many seconds more.", "Случайная добавка к задержке, в секундах."),
    "handshake": (
        "Seconds that a new connection takes.", "Сколько секунд занимает новое соединение.",
    ),
    "lost_before": ("The request is lost.", "Запрос потерян."),
    "lost_after": (
        "The answer is lost after its effect.", "Ответ потерян, хотя запрос выполнен.",
    ),
    "server_error": ("An answer 502.", "Ответ 502."),
    "too_many": ("An answer 429.", "Ответ 429."),
    "half_body": ("The answer ends in the middle.", "Ответ обрывается на середине."),
    "html": ("A page with a captcha.", "Страница с капчей."),
    "trickle": ("The answer comes byte by byte.", "Ответ приходит по одному байту."),
    "forbidden": ("An answer 403, as of a block.", "Ответ 403, как при блокировке."),
    "lose": ("The webhook is never sent.", "Вебхук не отправлен."),
    "lose_answer": (
        "The answer to the first attempt is lost.", "Ответ на первую попытку потерян.",
    ),
    "duplicate": ("The webhook is sent twice.", "Вебхук отправлен дважды."),
    "reorder": ("The webhook is sent after the next one.", "Вебхук отправлен после следующего."),
    "delay": ("The webhook is sent later.", "Вебхук отправлен позже."),
    "delay_seconds": ("How much later.", "На сколько секунд позже."),
}  # fmt: skip
_FORMS = ("lose", "lose_answer", "duplicate", "reorder", "delay")
_TIMES = Parameter(
    "times", "int", False, "How many (default: 1).", "Сколько раз (обычно 1).", low=1, high=10**6
)


def _parameters(plan: type[FaultPlan | HookFaultPlan]) -> tuple[Parameter, ...]:
    made: list[Parameter] = []
    for one in fields(plan):
        if one.name == "retry_after":
            continue
        en, ru = _MEANINGS[one.name]
        is_seconds = one.name in (*_SECONDS, "delay_seconds")
        if not is_seconds:
            en, ru = f"{en[:-1]}: a chance from 0 to 1.", f"{ru[:-1]}: вероятность от 0 до 1."
        most = (_DAY if one.name == "delay_seconds" else 60) if is_seconds else 1
        made.append(Parameter(one.name, "number", False, en, ru, low=0, high=most))
    return tuple(made)


REQUEST_FAULTS = _parameters(FaultPlan)
WEBHOOK_FAULTS = _parameters(HookFaultPlan)
_RETRY_AFTER = Parameter(
    "retry_after", "int", False,
    "Stands in the body of every 429; 0: does not.", "В теле каждого ответа 429; 0 — нет.",
    low=0, high=_DAY,
)  # fmt: skip


def shown_faults(portal: Sandbox) -> Json:
    """Return all that goes wrong now."""
    with portal.locked():
        return {
            "requests": asdict(portal.faults),
            "webhooks": asdict(portal.webhooks.faults),
            "injected": [
                {
                    "fault": one.fault.name,
                    "method": one.method,
                    "path": one.path,
                    "times": one.times,
                    "more_than": one.more_than,
                    "options": dict(one.fault.options),
                }
                for one in portal.injected
            ],
            "injected_webhooks": [
                {"fault": one.fault.name, "code": one.code, "url": one.url, "times": one.times}
                for one in portal.webhooks.injected
            ],
        }


def _show(portal: Sandbox, values: Values) -> Json:
    return shown_faults(portal)


def _set(portal: Sandbox, values: Values) -> Json:
    with portal.locked():
        if values.get("retry_after") == 0:
            values = {**values, "retry_after": None}
        portal.faults = replace(portal.faults, **values)
        return shown_faults(portal)


def _set_webhooks(portal: Sandbox, values: Values) -> Json:
    with portal.locked():
        portal.webhooks.faults = replace(portal.webhooks.faults, **values)
        return shown_faults(portal)


def _inject(portal: Sandbox, values: Values) -> Json:
    options = values.get("options", {})
    if not is_object(options):
        raise RefusedError(400, "options must be a JSON object")
    names = ("method", "path", "times", "more_than")
    known = {name: values[name] for name in names if name in values}
    wrong = set(options) & {*names, "fault"}
    if wrong:
        raise RefusedError(400, f"options: {sorted(wrong)[0]} is a parameter of its own")
    try:
        portal.inject(values["fault"], **known, **options)
    except (ValueError, TypeError) as error:
        raise RefusedError(400, f"options: {error}") from None
    return shown_faults(portal)


def _inject_webhook(portal: Sandbox, values: Values) -> Json:
    fault = HookFault(values["fault"], values.get("seconds", 60.0))
    portal.webhooks.inject(
        fault, values.get("times", 1), code=values.get("code"), url=values.get("url")
    )
    return shown_faults(portal)


def _clear(portal: Sandbox, values: Values) -> Json:
    portal.clear_faults()
    portal.webhooks.clear_faults()
    return shown_faults(portal)


def shown_limit(portal: Sandbox) -> Json:
    """Return the rate limit, and what it counted."""
    with portal.locked():
        limiter = portal.rate_limiter
        return {
            "rps": limiter.rps,
            "scopes": [
                {
                    "scope": name,
                    "passed": one.passed,
                    "refused": one.refused,
                    "blocked": one.blocked,
                    "busiest_second": one.busiest,
                }
                for name, one in limiter.scopes.items()
            ],
        }


def _show_limit(portal: Sandbox, values: Values) -> Json:
    return shown_limit(portal)


def _set_limit(portal: Sandbox, values: Values) -> Json:
    with portal.locked():
        portal.rate_limiter.rps = values["rps"] or None
        return shown_limit(portal)


ACTIONS = (
    Action(
        "show_faults", "GET", "/_sandbox/faults",
        "Show the faults of requests and webhooks.", "Текущие сбои запросов и вебхуков.",
        (), _show,
    ),
    Action(
        "set_faults", "POST", "/_sandbox/faults",
        "Change the chances of faults of requests; what is not named stays.",
        "Изменить вероятности сбоев запросов; остальные не меняются.",
        (*REQUEST_FAULTS, _RETRY_AFTER), _set, _CHANGES,
    ),
    Action(
        "set_webhook_faults", "POST", "/_sandbox/faults/webhooks",
        "Change the chances of faults of webhooks; what is not named stays.",
        "Изменить вероятности сбоев вебхуков; остальные не меняются.",
        WEBHOOK_FAULTS, _set_webhooks, _CHANGES,
    ),
    Action(
        "inject_fault", "POST", "/_sandbox/faults/inject",
        "Apply a fault to the next requests that match.",
        "Применить сбой к следующим подходящим запросам.",
        (
            Parameter("fault", "text", True, "Which one.", "Какой сбой.", tuple(KINDS)),
            _TIMES,
            Parameter("method", "text", False, "Only this method.", "Только этот метод."),
            Parameter(
                "path", "text", False, "Only paths that begin like this, or match it.",
                "Только пути с таким началом или по маске.",
            ),
            Parameter(
                "more_than", "int", False, "Only writes of more items.",
                "Только записи с большим числом элементов.", low=0,
            ),
            Parameter(
                "options", "json", False, "Of the fault, as {\"status\": 504}.",
                "Параметры сбоя, например {\"status\": 504}.",
            ),
        ),
        _inject, _CHANGES,
    ),
    Action(
        "inject_webhook_fault", "POST", "/_sandbox/faults/webhooks/inject",
        "Apply a fault to the next webhooks that match.",
        "Применить сбой к следующим подходящим вебхукам.",
        (
            Parameter("fault", "text", True, "Which one.", "Какой сбой.", _FORMS),
            _TIMES,
            Parameter("code", "text", False, "Only this event.", "Только это событие."),
            Parameter(
                "url", "text", False, "Only addresses that begin like this.",
                "Только адреса с таким началом.",
            ),
            Parameter(
                "seconds", "number", False, "How late a delayed one is (default: 60).",
                "Задержка в секундах (обычно 60).", low=0, high=_DAY,
            ),
        ),
        _inject_webhook, _CHANGES,
    ),
    Action(
        "clear_faults", "POST", "/_sandbox/faults/clear",
        "End every fault of requests and webhooks.", "Отключить все сбои запросов и вебхуков.",
        (), _clear, _CHANGES,
    ),
    Action(
        "show_rate_limit", "GET", "/_sandbox/rate-limit",
        "Show the rate limit, and what it counted.", "Ограничение запросов и его счётчики.",
        (), _show_limit,
    ),
    Action(
        "set_rate_limit", "POST", "/_sandbox/rate-limit",
        "Change how many requests a second pass.", "Изменить число запросов в секунду.",
        (
            Parameter(
                "rps", "int", True, "Requests a second; 0: no limit.",
                "Запросов в секунду; 0: без ограничения.", low=0, high=100_000,
            ),
        ),
        _set_limit, _CHANGES,
    ),
)  # fmt: skip
