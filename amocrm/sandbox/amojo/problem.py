"""Refusals of the Chats API (reference 3.3)."""

from __future__ import annotations

from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Answer, json_answer


class ChatRefusedError(Exception):
    """A refusal that a handler raises."""

    def __init__(self, status: int, kind: str, description: str) -> None:
        """Remember the status, the `error_type` and the `error_description`."""
        super().__init__(f"{status} {kind}: {description}")
        self.status = status
        self.kind = kind
        self.description = description

    def answer(self) -> Answer:
        """Return the body of reference 3.3."""
        body = {
            "status": 0,
            "error_code": self.status,
            "error_type": self.kind,
            "error_description": self.description,
        }
        return json_answer(body, status=self.status, kind="application/json")


def bad_signature() -> ChatRefusedError:
    """Refuse a request that is not signed as it must be."""
    return ChatRefusedError(403, "ORIGIN_INVALID_SIGNATURE", "invalid signature")


def not_registered() -> ChatRefusedError:
    """Refuse an unknown channel."""
    return ChatRefusedError(404, "ORIGIN_NOT_REGISTERED", "NOT_FOUND")


def not_connected() -> ChatRefusedError:
    """Refuse a scope that is not connected."""
    # Assumed (reference 8.2): 403 is documented for messages, its type for this is not.
    return ChatRefusedError(403, "ORIGIN_NOT_CONNECTED", "the channel is not connected")


def nothing_there(what: str) -> ChatRefusedError:
    """Refuse what names nothing that exists."""
    return ChatRefusedError(404, "NOT_FOUND", f"{what} not found")


def invalid(description: str) -> ChatRefusedError:
    """Refuse a body."""
    # Assumed (reference 3.3): the type and the wording of a 400 are not documented.
    return ChatRefusedError(400, "INVALID_REQUEST", description)


def refuse(errors: ValidationErrors) -> None:
    """Refuse a body with its first error, if it has any.

    Raises:
        ChatRefusedError: 400.
    """
    for error in errors.found:
        raise invalid(f"{error['path']}: {error['detail']}")
