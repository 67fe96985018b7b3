"""The testing kit: an amoCRM of your own in each test.

With pytest, the fixtures `amocrm`, `amocrm_sandbox`, `amocrm_clock`, `amocrm_webhooks` and
`amocrm_server` are there as soon as the package is installed. With unittest:

>>> from amocrm.testing import sandbox
>>> with sandbox() as portal:
...     portal.client().leads.create({"name": "Order"})["id"]
...     portal.assert_no_refusals()
7001
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from amocrm.testing.fixture import SandboxFixture, sandbox

__all__ = ["SandboxFixture", "sandbox"]

_MODULES: Final = {
    "SandboxFixture": "fixture",
    "sandbox": "fixture",
}

if not TYPE_CHECKING:  # Checkers see the imports above.

    def __getattr__(name: str) -> object:
        """Import a name when it is first used."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return found
