"""The shapes of what is sent and received: `from amocrm.types import Lead, NewLead`.

They are TypedDicts, so at run time they are plain dictionaries. `Lead` is read, `NewLead` creates
one, `LeadPatch` changes one; writes answer with `Short`, `Changed` and the like.

Source: reference 5.
"""

from __future__ import annotations

from amocrm.schema.account import (
    Account,
    AccountParts,
    Currency,
    DatetimeSettings,
    TaskType,
    UsersGroup,
)
from amocrm.schema.bots import (
    Bot,
    BotRun,
)
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
    LinkedContact,
    LinkedElement,
    Links,
    NewTag,
    NewTags,
    Ref,
    Renamed,
    Short,
    Subscription,
    Tag,
    TagRef,
)
from amocrm.schema.complex import (
    ComplexResult,
    NewComplexLead,
    NewComplexParts,
)
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
from amocrm.schema.events import (
    Event,
    EventEntity,
    EventParts,
    EventType,
)
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
from amocrm.schema.links import (
    Link,
    LinkMeta,
    LinkOf,
    NewLink,
    NewLinkOf,
)
from amocrm.schema.notes import (
    ChangedNote,
    NewNote,
    Note,
    NotePatch,
    ShortNote,
)
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
from amocrm.schema.tasks import (
    ChangedTask,
    NewTask,
    ShortTask,
    Task,
    TaskPatch,
    TaskResult,
)
from amocrm.schema.telephony import (
    Call,
    NewCall,
)
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
from amocrm.schema.webhooks import (
    NewWebhook,
    Webhook,
)
from amocrm.schema.widgets import (
    Widget,
    WidgetSetting,
)

__all__ = [
    "Access", "Account", "AccountParts", "AddedWebsites", "Attachment", "Author", "Bot",
    "BotRun", "Button", "ButtonPatch", "Call", "Catalog", "CatalogPatch", "CatalogRights",
    "ChainedList", "Changed", "ChangedNote", "ChangedTask", "ChatLink", "Choice", "Company",
    "CompanyParts", "CompanyPatch", "ComplexResult", "Contact", "ContactParts", "ContactPatch",
    "ContactRef", "CreatedButton", "Currency", "Customer", "CustomerParts", "CustomerPatch",
    "CustomerStatus", "CustomersMode", "DatetimeSettings", "DeletedLead", "Description",
    "Element", "ElementMeta", "ElementPatch", "Event", "EventEntity", "EventParts", "EventType",
    "Field", "FieldGroup", "FieldPatch", "FieldValues", "File", "FileLink", "FileLinks",
    "FileMetadata", "FileOwner", "FilePatch", "FileVersion", "FormMeta", "GroupPatch", "Href",
    "Lead", "LeadParts", "LeadPatch", "LeadSource", "LeadWrite", "Link", "LinkMeta", "LinkOf",
    "LinkedContact", "LinkedElement", "Links", "LossReason", "Named", "NestedChoice",
    "NewButton", "NewCall", "NewCatalog", "NewChatLink", "NewCompany", "NewComplexCompany",
    "NewComplexContact", "NewComplexLead", "NewComplexParts", "NewContact", "NewCustomer",
    "NewCustomerParts", "NewCustomerStatus", "NewElement", "NewField", "NewForm", "NewGroup",
    "NewLead", "NewLeadParts", "NewLeadSource", "NewLink", "NewLinkOf", "NewLossReason",
    "NewNote", "NewPipeline", "NewPipelineParts", "NewRole", "NewSegment", "NewShortLink",
    "NewSip", "NewSource", "NewStatus", "NewTag", "NewTags", "NewTask", "NewTemplate",
    "NewTransaction", "NewUnsortedParts", "NewUser", "NewWebhook", "Note", "NotePatch",
    "Pipeline", "PipelineParts", "PipelinePatch", "Preview", "Products", "Ref",
    "Renamed", "Review", "Rights", "Role", "RoleParts", "RolePatch", "RoleRights", "Segment",
    "Short", "ShortLink", "ShortLinkMeta", "ShortNote", "ShortTask", "ShortTransaction",
    "SipMeta", "Sorted", "Source", "SourcePatch", "Stage", "StageRights", "Status",
    "Subscription", "Tag", "TagRef", "Talk", "Task", "TaskPatch", "TaskResult", "TaskType",
    "Template", "TemplateParts", "TemplatePatch", "Transaction", "TransactionParts", "Unsorted",
    "UnsortedLink", "UnsortedParts", "UnsortedSummary", "User", "UserParts", "UsersGroup",
    "VersionLinks", "Webhook", "WebsiteButton", "Widget", "WidgetSetting",
]  # fmt: skip
