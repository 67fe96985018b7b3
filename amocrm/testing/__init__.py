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
    from amocrm.cloning.clone import clone
    from amocrm.cloning.diff import Difference, diff
    from amocrm.testing.fixture import SandboxFixture, sandbox
    from amocrm.testing.vcr import vcr_config

__all__ = ["Difference", "SandboxFixture", "clone", "diff", "sandbox", "vcr_config"]

_MODULES: Final = {
    "Difference": "amocrm.cloning.diff",
    "SandboxFixture": "amocrm.testing.fixture",
    "clone": "amocrm.cloning.clone",
    "diff": "amocrm.cloning.diff",
    "sandbox": "amocrm.testing.fixture",
    "vcr_config": "amocrm.testing.vcr",
}

if not TYPE_CHECKING:  # Checkers see the imports above.

    def __getattr__(name: str) -> object:
        """Import a name when it is first used."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_MODULES[name]), name)
        return found
