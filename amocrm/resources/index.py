"""The families of the API under their names: where the table begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm.resources.lazy import ROOT, Mount, Place

if TYPE_CHECKING:
    from amocrm.resources.account import Account, Currencies
    from amocrm.resources.bots import Bots
    from amocrm.resources.catalogs import Catalogs
    from amocrm.resources.chats import ChatTemplates, ShortLinks, Talks
    from amocrm.resources.contacts import Companies, Contacts
    from amocrm.resources.customers import Customers
    from amocrm.resources.drive import Drive
    from amocrm.resources.events import Events
    from amocrm.resources.leads import Leads
    from amocrm.resources.sources import Sources, WebsiteButtons
    from amocrm.resources.tasks import Tasks
    from amocrm.resources.telephony import Calls
    from amocrm.resources.users import Roles, Users
    from amocrm.resources.webhooks import Webhooks
    from amocrm.resources.widgets import Widgets


class Families(Place):
    """The part of a client that is the typed table. Each family is imported when first used."""

    _path = ROOT

    account: Mount[Account] = Mount("account.Account")
    leads: Mount[Leads] = Mount("leads.Leads")
    contacts: Mount[Contacts] = Mount("contacts.Contacts")
    companies: Mount[Companies] = Mount("contacts.Companies")
    customers: Mount[Customers] = Mount("customers.Customers")
    catalogs: Mount[Catalogs] = Mount("catalogs.Catalogs")
    tasks: Mount[Tasks] = Mount("tasks.Tasks")
    events: Mount[Events] = Mount("events.Events")
    users: Mount[Users] = Mount("users.Users")
    roles: Mount[Roles] = Mount("users.Roles")
    webhooks: Mount[Webhooks] = Mount("webhooks.Webhooks")
    widgets: Mount[Widgets] = Mount("widgets.Widgets")
    calls: Mount[Calls] = Mount("telephony.Calls")
    talks: Mount[Talks] = Mount("chats.Talks")
    chat_templates: Mount[ChatTemplates] = Mount("chats.ChatTemplates")
    short_links: Mount[ShortLinks] = Mount("chats.ShortLinks")
    sources: Mount[Sources] = Mount("sources.Sources")
    website_buttons: Mount[WebsiteButtons] = Mount("sources.WebsiteButtons")
    bots: Mount[Bots] = Mount("bots.Bots")
    currencies: Mount[Currencies] = Mount("account.Currencies")
    drive: Mount[Drive] = Mount("drive.Drive")
