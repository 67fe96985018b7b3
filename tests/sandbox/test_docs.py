"""Examples in the docstrings of the sandbox."""

from __future__ import annotations

import doctest

from amocrm import sandbox
from amocrm.sandbox.amojo import signatures
from amocrm.sandbox.drive import periods, view
from amocrm.sandbox.engine import schema
from amocrm.sandbox.http import request
from amocrm.sandbox.oauth import tokens


def test_examples_in_docstrings_are_true() -> None:
    for module in (sandbox, request, schema, tokens, periods, signatures, view):
        result = doctest.testmod(module, raise_on_error=True)
        assert result.attempted > 0
