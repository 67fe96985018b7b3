"""The resources of the API under their names: where the table begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm.resources.lazy import ROOT, LazyResource, ResourceOwner

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


class TopLevelResources(ResourceOwner):
    """The part of a client that is the typed table. Each resource is imported when first used."""

    _path = ROOT

    account: LazyResource[Account] = LazyResource("account.Account")
    leads: LazyResource[Leads] = LazyResource("leads.Leads")
    contacts: LazyResource[Contacts] = LazyResource("contacts.Contacts")
    companies: LazyResource[Companies] = LazyResource("contacts.Companies")
    customers: LazyResource[Customers] = LazyResource("customers.Customers")
    catalogs: LazyResource[Catalogs] = LazyResource("catalogs.Catalogs")
    tasks: LazyResource[Tasks] = LazyResource("tasks.Tasks")
    events: LazyResource[Events] = LazyResource("events.Events")
    users: LazyResource[Users] = LazyResource("users.Users")
    roles: LazyResource[Roles] = LazyResource("users.Roles")
    webhooks: LazyResource[Webhooks] = LazyResource("webhooks.Webhooks")
    widgets: LazyResource[Widgets] = LazyResource("widgets.Widgets")
    calls: LazyResource[Calls] = LazyResource("telephony.Calls")
    talks: LazyResource[Talks] = LazyResource("chats.Talks")
    chat_templates: LazyResource[ChatTemplates] = LazyResource("chats.ChatTemplates")
    short_links: LazyResource[ShortLinks] = LazyResource("chats.ShortLinks")
    sources: LazyResource[Sources] = LazyResource("sources.Sources")
    website_buttons: LazyResource[WebsiteButtons] = LazyResource("sources.WebsiteButtons")
    bots: LazyResource[Bots] = LazyResource("bots.Bots")
    currencies: LazyResource[Currencies] = LazyResource("account.Currencies")
    drive: LazyResource[Drive] = LazyResource("drive.Drive")
