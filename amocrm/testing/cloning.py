"""A schema of an account, to test against, and what has changed in the account since."""

from __future__ import annotations

from amocrm.cloning.clone import clone as clone
from amocrm.cloning.diff import Difference as Difference
from amocrm.cloning.diff import diff as diff

__all__ = ["Difference", "clone", "diff"]
