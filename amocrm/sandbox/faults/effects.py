"""What each fault does to a response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from amocrm.sandbox.faults.plan import Fault
from amocrm.sandbox.http.answer import NO_CONTENT, Answer, html_answer
from amocrm.sandbox.http.problem import server_error, too_many

CAPTCHA_PAGE = (
    "<!DOCTYPE html><html><head><title>Проверка</title></head>"
    "<body><h1>Подтвердите, что вы не робот</h1></body></html>"
)
BLOCKED_PAGE = (
    "<!DOCTYPE html><html><head><title>403 Forbidden</title></head>"
    "<body><h1>403 Forbidden</h1><p>Доступ с вашего адреса ограничен.</p></body></html>"
)


def blocked() -> Answer:
    """Refuse as an edge server does: a page, not a problem body (reference 2.7, 3.3)."""
    return html_answer(BLOCKED_PAGE, status=403)


def apply_fault(fault: Fault, answer: Answer | None) -> Answer:
    """Return the answer that is sent; `answer` is None when the effect did not take place."""
    return _EFFECTS[fault.name](fault, answer or NO_CONTENT)


def _lost(fault: Fault, answer: Answer) -> Answer:
    return replace(answer, ending="none")


def _server_error(fault: Fault, answer: Answer) -> Answer:
    status = int(fault.options["status"])
    if status == 500:
        return server_error("00000000-0000-4000-8000-000000000500")
    return html_answer(f"<html><body><h1>{status}</h1></body></html>", status=status)


def _too_many(fault: Fault, answer: Answer) -> Answer:
    # The body may also be non-JSON text (reference 3.3); no header is documented (reference 12.2).
    out = too_many(fault.options["retry_after"]).answer()
    if fault.options["text"]:
        out = Answer(429, (("Content-Type", "text/plain"),), b"Too Many Requests")
    header = fault.options["header"]
    return (
        out
        if header is None
        else replace(out, headers=(*out.headers, ("Retry-After", str(header))))
    )


def _half_body(fault: Fault, answer: Answer) -> Answer:
    # A body that can be cut is needed even where the true answer is a bodiless 204.
    whole = answer if answer.length else Answer(200, _HAL, b'{"_embedded": {}}')
    return replace(whole, ending="half")


def _html(fault: Fault, answer: Answer) -> Answer:
    return html_answer(CAPTCHA_PAGE, status=int(fault.options["status"]), charset=False)


def _empty(fault: Fault, answer: Answer) -> Answer:
    return Answer(int(fault.options["status"]), _HAL)


def _broken_json(fault: Fault, answer: Answer) -> Answer:
    body = answer.body[: max(1, len(answer.body) * 2 // 3)] if len(answer.body) > 2 else b'{"_emb'
    return replace(answer, status=200 if answer.status == 204 else answer.status, body=body)


def _wrong_type(fault: Fault, answer: Answer) -> Answer:
    return Answer(200, (("Content-Type", "text/plain"),), b"OK")


def _redirect(fault: Fault, answer: Answer) -> Answer:
    location = str(fault.options["location"])
    return replace(
        html_answer("<html><body>Moved</body></html>", status=int(fault.options["status"])),
        headers=(("Content-Type", "text/html"), ("Location", location)),
    )


def _forbidden(fault: Fault, answer: Answer) -> Answer:
    return blocked()


def _trickle(fault: Fault, answer: Answer) -> Answer:
    whole = answer if answer.length else Answer(200, _HAL, b"{}")
    return replace(whole, pad=int(fault.options["pad"]), drip=float(fault.options["seconds"]))


def _huge(fault: Fault, answer: Answer) -> Answer:
    whole = answer if answer.length else Answer(200, _HAL, b"{}")
    return replace(whole, pad=max(0, int(fault.options["size"]) - len(whole.body)))


def _latency(fault: Fault, answer: Answer) -> Answer:
    return replace(answer, late=answer.late + float(fault.options["seconds"]))


_HAL = (("Content-Type", "application/hal+json"),)

_EFFECTS: dict[str, Callable[[Fault, Answer], Answer]] = {
    "lost_before": _lost,
    "lost_after": _lost,
    "server_error": _server_error,
    "too_many": _too_many,
    "half_body": _half_body,
    "html": _html,
    "empty": _empty,
    "broken_json": _broken_json,
    "wrong_type": _wrong_type,
    "redirect": _redirect,
    "forbidden": _forbidden,
    "trickle": _trickle,
    "huge": _huge,
    "latency": _latency,
}
