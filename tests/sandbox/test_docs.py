"""Examples in the docstrings of the sandbox."""

from __future__ import annotations

import doctest

from amocrm import sandbox
from amocrm.sandbox import ask, schema, tokens
from amocrm.sandbox.amojo import seal
from amocrm.sandbox.drive import periods, view


def test_examples_in_docstrings_are_true() -> None:
    for module in (sandbox, ask, schema, tokens, periods, seal, view):
        result = doctest.testmod(module, raise_on_error=True)
        assert result.attempted > 0
