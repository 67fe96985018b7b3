"""The list of all actions, for programs and for people."""

from __future__ import annotations

import json
from html import escape

from amocrm.sandbox.control.action import Action, Parameter
from amocrm.sandbox.control.actions import ACTIONS
from amocrm.sandbox.http.answer import Json

_EXAMPLES: dict[str, Json] = {"text": "text", "int": 1, "number": 1, "bool": True, "json": {}}


def actions_json() -> Json:
    """Return every action with its parameters."""
    return {"actions": [_described(one) for one in ACTIONS]}


def curl_example(action: Action, origin: str) -> str:
    """Return a command that calls an action; words in capitals are to be replaced."""
    path = action.path
    for one in action.parameters:
        path = path.replace(f"{{{one.name}}}", one.name.upper())
    needed = [one for one in action.parameters if one.required and not action.in_path(one)]
    if action.method == "GET":
        query = "&".join(f"{one.name}={one.name.upper()}" for one in needed)
        return f"curl '{origin}{path}{'?' if query else ''}{query}'"
    if not needed:
        return f"curl -X POST {origin}{path}"
    body = json.dumps({one.name: _example(one) for one in needed}, ensure_ascii=False)
    return f"curl {origin}{path} -H 'Content-Type: application/json' -d '{body}'"


def actions_html(origin: str) -> str:
    """Return the list as a plain page."""
    items = "".join(
        f"<dt><code>{escape(one.method)} {escape(one.path)}</code></dt>"
        f"<dd>{escape(one.en)}<pre>{escape(curl_example(one, origin))}</pre></dd>"
        for one in ACTIONS
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>/_sandbox/</title>'
        f"</head><body><h1>Actions of the sandbox</h1><dl>{items}</dl></body></html>"
    )


def _example(parameter: Parameter) -> Json:
    return parameter.choices[0] if parameter.choices else _EXAMPLES[parameter.type]


def _described(action: Action) -> Json:
    return {
        "name": action.name,
        "method": action.method,
        "path": action.path,
        "en": action.en,
        "ru": action.ru,
        "parameters": [
            {
                "name": one.name,
                "type": one.type,
                "required": one.required,
                "in": "path" if action.in_path(one) else _place(action),
                "en": one.en,
                "ru": one.ru,
                "choices": list(one.choices),
            }
            for one in action.parameters
        ],
    }


def _place(action: Action) -> str:
    return "query" if action.method == "GET" else "body"
