"""What a browser sees in a page: the forms with their values, the tags, and where links lead."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """A form, and what is sent when nothing is changed."""

    method: str
    action: str
    values: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.tags.append((tag, known))
        if tag == "form":
            self.forms.append(Form(known.get("method", "get"), known.get("action", "")))
        elif tag == "select":
            self._select = known["name"]
        elif tag == "option" and ("selected" in known or not self._has(self._select)):
            self.forms[-1].values[self._select] = known.get("value", "")
        elif (
            tag == "input"
            and "name" in known
            and (known.get("type") != "checkbox" or "checked" in known)
        ):
            self.forms[-1].values[known["name"]] = known.get("value", "")

    def _has(self, name: str) -> bool:
        return name in self.forms[-1].values


def forms(html: str) -> list[Form]:
    """Return the forms of a page in their order."""
    reader = _Reader()
    reader.feed(html)
    return reader.forms


def tags(html: str) -> list[tuple[str, dict[str, str]]]:
    """Return every start tag of a page with its attributes."""
    reader = _Reader()
    reader.feed(html)
    return reader.tags
