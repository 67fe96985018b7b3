"""The shapes of what is sent and received: `from amocrm.types import Lead, NewLead`.

They are TypedDicts, so at run time they are plain dictionaries. `Lead` is read, `NewLead` creates
one, `LeadPatch` changes one; writes answer with `Short`, `Changed` and the like. `LeadFilter` and
`LeadOrder` are what `crm.leads.list` takes; contacts and companies take `EntityFilter`.

Source: reference 5.
"""

from __future__ import annotations

from amocrm.resources.bots import BotFilter
from amocrm.resources.catalogs import ElementFilter
from amocrm.resources.chats import TemplateFilter
from amocrm.resources.customers import CustomerFilter, TransactionFilter
from amocrm.resources.drive import FileFilter
from amocrm.resources.entity import EntityFilter, TimeOrder
from amocrm.resources.events import EventFilter
from amocrm.resources.fields import FieldFilter, FieldOrder
from amocrm.resources.filter_values import (
    CustomerStageFilter,
    DateRange,
    EventValues,
    NumberRange,
    SizeRange,
    StageFilter,
    TimeRange,
)
from amocrm.resources.leads import LeadFilter, LeadOrder
from amocrm.resources.links import ItemLinkFilter, LinkFilter
from amocrm.resources.notes import ItemNoteFilter, NoteFilter
from amocrm.resources.sources import SourceFilter
from amocrm.resources.tags import TagFilter
from amocrm.resources.tasks import TaskFilter, TaskOrder
from amocrm.resources.unsorted import SummaryFilter, UnsortedFilter, UnsortedOrder
from amocrm.resources.webhooks import WebhookFilter
from amocrm.schema.account import (
    Account,
    AccountParts,
    Currency,
    DatetimeSettings,
    TaskType,
    UsersGroup,
)
from amocrm.schema.bots import Bot, BotRun
from amocrm.schema.catalogs import (
    Catalog,
    CatalogPatch,
    Element,
    ElementPatch,
    NewCatalog,
    NewElement,
    Products,
)
from amocrm.schema.chats import (
    Attachment,
    Button,
    NewShortLink,
    NewTemplate,
    Review,
    ShortLink,
    ShortLinkMeta,
    Talk,
    Template,
    TemplateParts,
    TemplatePatch,
)
from amocrm.schema.common import (
    Changed,
    ElementMeta,
    FieldValues,
    FileLink,
    Href,
    HypertextLinks,
    LinkedContact,
    LinkedElement,
    NewTag,
    NewTags,
    Ref,
    Renamed,
    Short,
    Subscription,
    Tag,
    TagRef,
)
from amocrm.schema.complex import ComplexResult, NewComplexLead, NewComplexParts
from amocrm.schema.contacts import (
    ChatLink,
    Company,
    CompanyParts,
    CompanyPatch,
    Contact,
    ContactParts,
    ContactPatch,
    NewChatLink,
    NewCompany,
    NewComplexCompany,
    NewComplexContact,
    NewContact,
)
from amocrm.schema.customers import (
    Customer,
    CustomerParts,
    CustomerPatch,
    CustomersMode,
    CustomerStatus,
    NewCustomer,
    NewCustomerParts,
    NewCustomerStatus,
    NewSegment,
    NewTransaction,
    Segment,
    ShortTransaction,
    Transaction,
    TransactionParts,
)
from amocrm.schema.drive import (
    Author,
    File,
    FileLinks,
    FileMetadata,
    FileOwner,
    FilePatch,
    FileVersion,
    Preview,
    VersionLinks,
)
from amocrm.schema.events import Event, EventEntity, EventParts, EventType
from amocrm.schema.fields import (
    ChainedList,
    Choice,
    Field,
    FieldGroup,
    FieldPatch,
    GroupPatch,
    NestedChoice,
    NewField,
    NewGroup,
    Stage,
)
from amocrm.schema.leads import (
    ContactRef,
    DeletedLead,
    Lead,
    LeadParts,
    LeadPatch,
    LeadSource,
    LeadWrite,
    NewLead,
    NewLeadParts,
    NewLeadSource,
)
from amocrm.schema.links import Link, LinkMeta, LinkOf, NewLink, NewLinkOf
from amocrm.schema.notes import ChangedNote, NewNote, Note, NotePatch, ShortNote
from amocrm.schema.pipelines import (
    Description,
    LossReason,
    NewLossReason,
    NewPipeline,
    NewPipelineParts,
    NewStatus,
    Pipeline,
    PipelineParts,
    PipelinePatch,
    Status,
)
from amocrm.schema.sources import (
    AddedWebsites,
    ButtonPatch,
    CreatedButton,
    NewButton,
    NewSource,
    Source,
    SourcePatch,
    WebsiteButton,
)
from amocrm.schema.tasks import ChangedTask, NewTask, ShortTask, Task, TaskPatch, TaskResult
from amocrm.schema.telephony import Call, NewCall
from amocrm.schema.unsorted import (
    FormMeta,
    NewForm,
    NewSip,
    NewUnsortedParts,
    SipMeta,
    Sorted,
    Unsorted,
    UnsortedLink,
    UnsortedParts,
    UnsortedSummary,
)
from amocrm.schema.users import (
    Access,
    CatalogRights,
    Named,
    NewRole,
    NewUser,
    Rights,
    Role,
    RoleParts,
    RolePatch,
    RoleRights,
    StageRights,
    User,
    UserParts,
)
from amocrm.schema.webhooks import NewWebhook, Webhook
from amocrm.schema.widgets import Widget, WidgetSetting

__all__ = [
    "Access", "Account", "AccountParts", "AddedWebsites", "Attachment", "Author", "Bot",
    "BotFilter", "BotRun", "Button", "ButtonPatch", "Call", "Catalog", "CatalogPatch",
    "CatalogRights", "ChainedList", "Changed", "ChangedNote", "ChangedTask", "ChatLink", "Choice",
    "Company", "CompanyParts", "CompanyPatch", "ComplexResult", "Contact", "ContactParts",
    "ContactPatch", "ContactRef", "CreatedButton", "Currency", "Customer", "CustomerFilter",
    "CustomerParts", "CustomerPatch", "CustomerStageFilter", "CustomerStatus", "CustomersMode",
    "DateRange", "DatetimeSettings", "DeletedLead", "Description", "Element", "ElementFilter",
    "ElementMeta", "ElementPatch", "EntityFilter", "Event", "EventEntity", "EventFilter",
    "EventParts", "EventType", "EventValues", "Field", "FieldFilter", "FieldGroup", "FieldOrder",
    "FieldPatch", "FieldValues", "File", "FileFilter", "FileLink", "FileLinks", "FileMetadata",
    "FileOwner", "FilePatch", "FileVersion", "FormMeta", "GroupPatch", "Href", "HypertextLinks",
    "ItemLinkFilter", "ItemNoteFilter", "Lead", "LeadFilter", "LeadOrder", "LeadParts", "LeadPatch",
    "LeadSource", "LeadWrite", "Link", "LinkFilter", "LinkMeta", "LinkOf", "LinkedContact",
    "LinkedElement", "LossReason", "Named", "NestedChoice", "NewButton", "NewCall", "NewCatalog",
    "NewChatLink", "NewCompany", "NewComplexCompany", "NewComplexContact", "NewComplexLead",
    "NewComplexParts", "NewContact", "NewCustomer", "NewCustomerParts", "NewCustomerStatus",
    "NewElement", "NewField", "NewForm", "NewGroup", "NewLead", "NewLeadParts", "NewLeadSource",
    "NewLink", "NewLinkOf", "NewLossReason", "NewNote", "NewPipeline", "NewPipelineParts",
    "NewRole", "NewSegment", "NewShortLink", "NewSip", "NewSource", "NewStatus", "NewTag",
    "NewTags", "NewTask", "NewTemplate", "NewTransaction", "NewUnsortedParts", "NewUser",
    "NewWebhook", "Note", "NoteFilter", "NotePatch", "NumberRange", "Pipeline", "PipelineParts",
    "PipelinePatch", "Preview", "Products", "Ref", "Renamed", "Review", "Rights", "Role",
    "RoleParts", "RolePatch", "RoleRights", "Segment", "Short", "ShortLink", "ShortLinkMeta",
    "ShortNote", "ShortTask", "ShortTransaction", "SipMeta", "SizeRange", "Sorted", "Source",
    "SourceFilter", "SourcePatch", "Stage", "StageFilter", "StageRights", "Status", "Subscription",
    "SummaryFilter", "Tag", "TagFilter", "TagRef", "Talk", "Task", "TaskFilter", "TaskOrder",
    "TaskPatch", "TaskResult", "TaskType", "Template", "TemplateFilter", "TemplateParts",
    "TemplatePatch", "TimeOrder", "TimeRange", "Transaction", "TransactionFilter",
    "TransactionParts", "Unsorted", "UnsortedFilter", "UnsortedLink", "UnsortedOrder",
    "UnsortedParts", "UnsortedSummary", "User", "UserParts", "UsersGroup", "VersionLinks",
    "Webhook", "WebhookFilter", "WebsiteButton", "Widget", "WidgetSetting",
]  # fmt: skip
