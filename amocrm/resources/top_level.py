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
    """The account that the token is of."""
    leads: LazyResource[Leads] = LazyResource("leads.Leads")
    """Deals that move through the stages of a pipeline."""
    contacts: LazyResource[Contacts] = LazyResource("contacts.Contacts")
    """Contacts: people."""
    companies: LazyResource[Companies] = LazyResource("contacts.Companies")
    """Companies."""
    customers: LazyResource[Customers] = LazyResource("customers.Customers")
    """Buyers, counted by segments or by periods, as the account is set up."""
    catalogs: LazyResource[Catalogs] = LazyResource("catalogs.Catalogs")
    """Lists: products, invoices, suppliers and your own."""
    tasks: LazyResource[Tasks] = LazyResource("tasks.Tasks")
    """What users have to do. They are completed, never deleted."""
    events: LazyResource[Events] = LazyResource("events.Events")
    """What happened, a hundred on a page at most."""
    users: LazyResource[Users] = LazyResource("users.Users")
    """Users of the account, by their names or e-mails. Requires admin rights."""
    roles: LazyResource[Roles] = LazyResource("users.Roles")
    """Sets of rights. Requires admin rights."""
    webhooks: LazyResource[Webhooks] = LazyResource("webhooks.Webhooks")
    """URLs that amoCRM sends webhooks to. Requires admin rights."""
    widgets: LazyResource[Widgets] = LazyResource("widgets.Widgets")
    """Widgets, by their codes. Deleting one uninstalls it. Writing requires admin rights."""
    calls: LazyResource[Calls] = LazyResource("telephony.Calls")
    """Phone calls. Each becomes a note of whom its number belongs to; without one it is refused."""
    talks: LazyResource[Talks] = LazyResource("chats.Talks")
    """Conversations in chats. Only Kommo lists them."""
    chat_templates: LazyResource[ChatTemplates] = LazyResource("chats.ChatTemplates")
    """Templates of messages that this integration made. Writing requires admin rights."""
    short_links: LazyResource[ShortLinks] = LazyResource("chats.ShortLinks")
    """Short addresses that tell when they are followed; one for each contact."""
    sources: LazyResource[Sources] = LazyResource("sources.Sources")
    """Sources that this integration made. Requires admin rights."""
    website_buttons: LazyResource[WebsiteButtons] = LazyResource("sources.WebsiteButtons")
    """Buttons for sites, by their `source_id`. Requires admin rights."""
    bots: LazyResource[Bots] = LazyResource("bots.Bots")
    """Salesbots. Kommo lists them; amoCRM only runs them. They are made by hand."""
    currencies: LazyResource[Currencies] = LazyResource("account.Currencies")
    """Currencies that the account knows."""
    drive: LazyResource[Drive] = LazyResource("drive.Drive")
    """Files of the account, named by their uuid. The integration needs the scope `files`."""
