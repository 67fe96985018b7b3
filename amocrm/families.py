"""The families of the API under their names: the table's first column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm.mount import ROOT, Mount, Place

if TYPE_CHECKING:
    from amocrm.resources.leads import Leads


class Families(Place):
    """The part of a client that is the typed table."""

    _path = ROOT

    leads: Mount[Leads] = Mount("leads.Leads")
