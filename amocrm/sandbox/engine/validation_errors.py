"""Errors of a model, and how a write or a query is refused with them (reference 3.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from amocrm.sandbox.http.answer import Json, is_object
from amocrm.sandbox.http.problem import ProblemError

KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "number": (int, float),
    "string": (str,),
    "bool": (bool,),
    "array": (list,),
    "object": (dict,),
    "scalar": (str, int),
    "any": (object,),
}
"""Kinds of a property; `scalar` is a text or an integer."""

FAILED = "Request validation failed"
MISSING = "This field is missing."
NOT_EXPECTED = "This field was not expected."
BLANK = "This value should not be blank."
NULL = "This value should not be null."
NOT_A_CHOICE = "The value you selected is not a valid choice."


@dataclass
class ValidationErrors:
    """Errors found in one model; paths are dotted and relative to the model."""

    found: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def add(self, code: str, path: str, detail: str) -> None:
        """Note an error."""
        self.found.append({"code": code, "path": path, "detail": detail})

    def missing(self, path: str) -> None:
        """Note a property that must be there."""
        self.add("FieldMissing", path, MISSING)

    def unexpected(self, path: str) -> None:
        """Note a property that must not be there."""
        self.add("FieldNotExpected", path, NOT_EXPECTED)

    def no_choice(self, path: str) -> None:
        """Note a value that names nothing that exists."""
        self.add("NotSupportedChoice", path, NOT_A_CHOICE)

    def wrong_type(self, path: str, kind: str) -> None:
        """Note a value of the wrong type."""
        self.add("InvalidType", path, f"This value should be of type {kind}.")

    def blank(self, path: str) -> None:
        """Note an empty text or collection where one must be filled."""
        self.add("NotBlank", path, BLANK)

    def null(self, path: str) -> None:
        """Note a null where none may be."""
        self.add("NotNullable", path, NULL)

    def include(self, other: ValidationErrors, at: str) -> None:
        """Add the errors of a model that stands inside this one, at a path."""
        for one in other.found:
            self.add(one["code"], f"{at}.{one['path']}".rstrip("."), one["detail"])

    def is_kind(self, value: Json, kind: str, path: str, *, null: bool = False) -> bool:
        """Check the type of a value; note an error if it does not fit."""
        if value is None and kind != "any":
            if not null:
                self.null(path)
            return null
        fits = isinstance(value, KINDS[kind]) and not (
            kind in ("int", "number", "scalar") and isinstance(value, bool)
        )
        if not fits:
            self.wrong_type(path, "string" if kind == "scalar" else kind)
        return fits


def request_id(model: Json, index: int) -> str:
    """Return the model's `request_id`, else its index as text (reference 3.1)."""
    wanted = model.get("request_id") if is_object(model) else None
    return wanted if isinstance(wanted, str) else str(index)


def refuse_batch(models: list[Json], found: list[ValidationErrors]) -> None:
    """Refuse the whole batch if one model is bad: nothing is written (reference 3.3, 11).

    Raises:
        ProblemError: 400 with `validation-errors`.
    """
    errors = [
        {"request_id": request_id(model, index), "errors": one.found}
        for index, (model, one) in enumerate(zip(models, found, strict=True))
        if one.found
    ]
    if errors:
        raise ProblemError(400, FAILED, validation_errors=errors)


def refuse_query(code: str, path: str, kind: str = "") -> ProblemError:
    """Return the refusal of a query. Assumed (reference 3.3): the shape is that of a bad model."""
    details = {
        "FieldMissing": MISSING,
        "FieldNotExpected": NOT_EXPECTED,
        "NotSupportedChoice": NOT_A_CHOICE,
        "InvalidType": f"This value should be of type {kind}.",
    }
    error = {"code": code, "path": path, "detail": details.get(code, "This value is not valid.")}
    errors = [{"request_id": "0", "errors": [error]}]
    return ProblemError(400, FAILED, validation_errors=errors)
