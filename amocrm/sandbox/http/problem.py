"""Refusals: problem bodies of the API (reference 3.3) and of the token endpoint (reference 2.7)."""

from __future__ import annotations

from amocrm.sandbox.http.answer import Answer, Json, json_answer, phrase

PROBLEM = "application/problem+json"
INVALID_LOGIN = "Invalid user name or password"
TOO_MANY = "You have sent too many requests in a given amount of time. Please try again later."

_GRANT_TEXTS = {
    # Titles are Russian on amocrm.ru (reference 2.7); the English ones are assumed.
    "request": {
        "ru": (
            "Некорректный запрос",
            "В запросе отсутствует ряд параметров или параметры невалидны",
        ),
        "com": ("Bad request", "The request misses parameters or the parameters are invalid"),
    },
    "client": {
        "ru": ("Некорректный клиент", "Авторизация клиента не прошла"),
        "com": ("Bad client", "Client authentication failed"),
    },
}


class ProblemError(Exception):
    """A refusal that a handler raises."""

    def __init__(self, status: int, detail: str, **extras: Json) -> None:
        """Remember the status, the detail and further members of the body."""
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.extras = extras

    def answer(self) -> Answer:
        """Return the problem body of reference 3.3."""
        body = {
            "title": phrase(self.status),
            "type": f"https://httpstatus.es/{self.status}",
            "status": self.status,
            "detail": self.detail,
        }
        for name, value in self.extras.items():
            body[name.replace("_", "-") if name == "validation_errors" else name] = value
        return json_answer(body, status=self.status, kind=PROBLEM)


class GrantRefusedError(Exception):
    """A refusal of the token endpoint."""

    def __init__(self, status: int, hint: str | None, *, zone: str) -> None:
        """Remember the hint; a failed client authentication has none (reference 2.7)."""
        super().__init__(hint or "client authentication failed")
        self.status = status
        self.hint = hint
        self.language = "ru" if zone.endswith(".ru") else "com"

    def answer(self) -> Answer:
        """Return the problem body of reference 2.7."""
        title, detail = _GRANT_TEXTS["request" if self.hint else "client"][self.language]
        body = {
            "title": title,
            "type": "https://developers.amocrm.ru/v3/errors/OAuthProblemJson",
            "status": self.status,
            "detail": detail,
        }
        if self.hint:
            body = {"hint": self.hint, **body}
        return json_answer(body, status=self.status, kind=PROBLEM)


def unauthorized() -> ProblemError:
    """Refuse no token, an expired one, a revoked one (reference 11)."""
    return ProblemError(401, INVALID_LOGIN)


def unknown_account() -> ProblemError:
    """Refuse an unknown subdomain: 401 with legacy code 101 (reference 1)."""
    # Assumed (reference 12): where the legacy code stands in a v4 body is not documented.
    return ProblemError(401, "Account not found", error_code=101)


def not_found(method: str, url: str) -> ProblemError:
    """Refuse an unknown path (reference 3.3)."""
    return ProblemError(404, f"Cannot {method} {url}")


def too_many(retry_after: int | None) -> ProblemError:
    """Refuse more calls than the rate limiter allows (reference 3.4)."""
    extras = {} if retry_after is None else {"retry_after": retry_after}
    return ProblemError(429, TOO_MANY, **extras)


def server_error(trace_id: str) -> Answer:
    """Return the answer to an error of the server: no `type`, but a trace (reference 3.3)."""
    body = {
        "title": "ErrInternalServer",
        "status": 500,
        "detail": "Internal server error",
        "trace_id": trace_id,
    }
    return json_answer(body, status=500, kind=PROBLEM)
