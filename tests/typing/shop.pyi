# fmt: off
"""Custom fields, stages and users of example.amocrm.ru. Made by `amocrm stubs`: do not edit.

    from typing import TYPE_CHECKING, cast

    if TYPE_CHECKING:
        import shop

    crm = cast("shop.Client", AmoCRM(...))
    crm.leads.cf(lead)["..."]
"""
# It narrows what the library takes, on purpose.
# mypy: disable-error-code="override, assignment, misc, overload-overlap"
# pyright: basic, reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false
# pyright: reportPrivateUsage=false, reportGeneralTypeIssues=false, reportOverlappingOverload=false
# ruff: noqa

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NoReturn, TypeVar, overload

from amocrm import AmoCRM
from amocrm.resources.contacts import Companies, Contacts
from amocrm.resources.custom_fields.choices import Multitext
from amocrm.resources.custom_fields.field_types import Raw
from amocrm.resources.custom_fields.values import CustomFields, _Clear
from amocrm.resources.customers import Customers
from amocrm.resources.lazy import LazyResource
from amocrm.resources.leads import Leads
from amocrm.resources.pipelines import Pipelines
from amocrm.resources.users import Users
from amocrm.schema.fields import Stage
from amocrm.schema.pipelines import Pipeline
from amocrm.schema.users import User

_D = TypeVar("_D")


_Lead945 = Literal[
    "Самовывоз",
    "Курьер",
    "Почта",
]
_Lead945Id = Literal[
    1737,
    1739,
    1741,
]
_Lead951 = Literal[
    "North",
    "South",
]
_Lead951Id = Literal[
    1743,
    1745,
]
_Lead955 = Literal[
    "red",
    "blue",
]
_Lead955Id = Literal[
    1747,
    1749,
]
LeadField = Literal[
    "utm_content",
    "UTM_CONTENT",
    901,
    "utm_medium",
    "UTM_MEDIUM",
    903,
    "utm_campaign",
    "UTM_CAMPAIGN",
    905,
    "utm_source",
    "UTM_SOURCE",
    907,
    "utm_term",
    "UTM_TERM",
    909,
    "utm_referrer",
    "UTM_REFERRER",
    911,
    "referrer",
    "REFERRER",
    913,
    "gclientid",
    "GCLIENTID",
    915,
    "gclid",
    "GCLID",
    917,
    "fbclid",
    "FBCLID",
    919,
    "Способ доставки",
    "DELIVERY",
    945,
    "Дата доставки",
    "DELIVERY_DATE",
    947,
    "Оплачено",
    "PAID",
    949,
    "Region",
    951,
    "Weight",
    953,
    "Colors",
    955,
    "Say \"hi\"\\",
    957,
]

class LeadFields(CustomFields):
    """The custom fields of leads."""

    @overload
    def __getitem__(self, key: Literal["utm_content", "UTM_CONTENT", 901]) -> str: ...
    @overload
    def __getitem__(self, key: Literal["utm_medium", "UTM_MEDIUM", 903]) -> str: ...
    @overload
    def __getitem__(self, key: Literal["utm_campaign", "UTM_CAMPAIGN", 905]) -> str: ...
    @overload
    def __getitem__(self, key: Literal["utm_source", "UTM_SOURCE", 907]) -> str: ...
    @overload
    def __getitem__(self, key: Literal["utm_term", "UTM_TERM", 909]) -> str: ...
    @overload
    def __getitem__(self, key: Literal["utm_referrer", "UTM_REFERRER", 911]) -> str: ...
    @overload
    def __getitem__(self, key: Literal["referrer", "REFERRER", 913]) -> str: ...
    @overload
    def __getitem__(self, key: Literal["gclientid", "GCLIENTID", 915]) -> str: ...
    @overload
    def __getitem__(self, key: Literal["gclid", "GCLID", 917]) -> str: ...
    @overload
    def __getitem__(self, key: Literal["fbclid", "FBCLID", 919]) -> str: ...
    @overload
    def __getitem__(self, key: Literal["Способ доставки", "DELIVERY", 945]) -> _Lead945: ...
    @overload
    def __getitem__(self, key: Literal["Дата доставки", "DELIVERY_DATE", 947]) -> date: ...
    @overload
    def __getitem__(self, key: Literal["Оплачено", "PAID", 949]) -> bool: ...
    @overload
    def __getitem__(self, key: Literal["Region", 951]) -> _Lead951: ...
    @overload
    def __getitem__(self, key: Literal["Weight", 953]) -> Decimal: ...
    @overload
    def __getitem__(self, key: Literal["Colors", 955]) -> list[_Lead955]: ...
    @overload
    def __getitem__(self, key: Literal["Say \"hi\"\\", 957]) -> str: ...
    @overload
    def get(self, key: Literal["utm_content", "UTM_CONTENT", 901], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["utm_content", "UTM_CONTENT", 901], default: _D) -> str | _D: ...
    @overload
    def get(self, key: Literal["utm_medium", "UTM_MEDIUM", 903], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["utm_medium", "UTM_MEDIUM", 903], default: _D) -> str | _D: ...
    @overload
    def get(self, key: Literal["utm_campaign", "UTM_CAMPAIGN", 905], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["utm_campaign", "UTM_CAMPAIGN", 905], default: _D) -> str | _D: ...
    @overload
    def get(self, key: Literal["utm_source", "UTM_SOURCE", 907], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["utm_source", "UTM_SOURCE", 907], default: _D) -> str | _D: ...
    @overload
    def get(self, key: Literal["utm_term", "UTM_TERM", 909], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["utm_term", "UTM_TERM", 909], default: _D) -> str | _D: ...
    @overload
    def get(self, key: Literal["utm_referrer", "UTM_REFERRER", 911], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["utm_referrer", "UTM_REFERRER", 911], default: _D) -> str | _D: ...
    @overload
    def get(self, key: Literal["referrer", "REFERRER", 913], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["referrer", "REFERRER", 913], default: _D) -> str | _D: ...
    @overload
    def get(self, key: Literal["gclientid", "GCLIENTID", 915], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["gclientid", "GCLIENTID", 915], default: _D) -> str | _D: ...
    @overload
    def get(self, key: Literal["gclid", "GCLID", 917], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["gclid", "GCLID", 917], default: _D) -> str | _D: ...
    @overload
    def get(self, key: Literal["fbclid", "FBCLID", 919], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["fbclid", "FBCLID", 919], default: _D) -> str | _D: ...
    @overload
    def get(self, key: Literal["Способ доставки", "DELIVERY", 945], default: None = None) -> _Lead945 | None: ...
    @overload
    def get(self, key: Literal["Способ доставки", "DELIVERY", 945], default: _D) -> _Lead945 | _D: ...
    @overload
    def get(self, key: Literal["Дата доставки", "DELIVERY_DATE", 947], default: None = None) -> date | None: ...
    @overload
    def get(self, key: Literal["Дата доставки", "DELIVERY_DATE", 947], default: _D) -> date | _D: ...
    @overload
    def get(self, key: Literal["Оплачено", "PAID", 949], default: None = None) -> bool | None: ...
    @overload
    def get(self, key: Literal["Оплачено", "PAID", 949], default: _D) -> bool | _D: ...
    @overload
    def get(self, key: Literal["Region", 951], default: None = None) -> _Lead951 | None: ...
    @overload
    def get(self, key: Literal["Region", 951], default: _D) -> _Lead951 | _D: ...
    @overload
    def get(self, key: Literal["Weight", 953], default: None = None) -> Decimal | None: ...
    @overload
    def get(self, key: Literal["Weight", 953], default: _D) -> Decimal | _D: ...
    @overload
    def get(self, key: Literal["Colors", 955], default: None = None) -> list[_Lead955] | None: ...
    @overload
    def get(self, key: Literal["Colors", 955], default: _D) -> list[_Lead955] | _D: ...
    @overload
    def get(self, key: Literal["Say \"hi\"\\", 957], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["Say \"hi\"\\", 957], default: _D) -> str | _D: ...
    @overload
    def __setitem__(self, key: Literal["utm_content", "UTM_CONTENT", 901], value: str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["utm_medium", "UTM_MEDIUM", 903], value: str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["utm_campaign", "UTM_CAMPAIGN", 905], value: str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["utm_source", "UTM_SOURCE", 907], value: str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["utm_term", "UTM_TERM", 909], value: str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["utm_referrer", "UTM_REFERRER", 911], value: str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["referrer", "REFERRER", 913], value: str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["gclientid", "GCLIENTID", 915], value: str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["gclid", "GCLID", 917], value: str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["fbclid", "FBCLID", 919], value: str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["Способ доставки", "DELIVERY", 945], value: _Lead945 | _Lead945Id | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["Дата доставки", "DELIVERY_DATE", 947], value: date | int | str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["Оплачено", "PAID", 949], value: bool | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["Region", 951], value: _Lead951 | _Lead951Id | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["Weight", 953], value: Decimal | float | str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["Colors", 955], value: _Lead955 | _Lead955Id | Iterable[_Lead955 | _Lead955Id] | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["Say \"hi\"\\", 957], value: str | Raw | _Clear) -> None: ...
    def __delitem__(self, key: LeadField) -> None: ...
    def raw(self, key: LeadField) -> list[Any]: ...


ContactField = Literal[
    "Должность",
    "POSITION",
    921,
    "Телефон",
    "PHONE",
    923,
    "Email",
    "EMAIL",
    925,
]

class ContactFields(CustomFields):
    """The custom fields of contacts."""

    @overload
    def __getitem__(self, key: Literal["Должность", "POSITION", 921]) -> str: ...
    @overload
    def __getitem__(self, key: Literal["Телефон", "PHONE", 923]) -> list[Multitext]: ...
    @overload
    def __getitem__(self, key: Literal["Email", "EMAIL", 925]) -> list[Multitext]: ...
    @overload
    def get(self, key: Literal["Должность", "POSITION", 921], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["Должность", "POSITION", 921], default: _D) -> str | _D: ...
    @overload
    def get(self, key: Literal["Телефон", "PHONE", 923], default: None = None) -> list[Multitext] | None: ...
    @overload
    def get(self, key: Literal["Телефон", "PHONE", 923], default: _D) -> list[Multitext] | _D: ...
    @overload
    def get(self, key: Literal["Email", "EMAIL", 925], default: None = None) -> list[Multitext] | None: ...
    @overload
    def get(self, key: Literal["Email", "EMAIL", 925], default: _D) -> list[Multitext] | _D: ...
    @overload
    def __setitem__(self, key: Literal["Должность", "POSITION", 921], value: str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["Телефон", "PHONE", 923], value: str | Multitext | Iterable[str | Multitext | Mapping[str, Any]] | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["Email", "EMAIL", 925], value: str | Multitext | Iterable[str | Multitext | Mapping[str, Any]] | Raw | _Clear) -> None: ...
    def __delitem__(self, key: ContactField) -> None: ...
    def raw(self, key: ContactField) -> list[Any]: ...


CompanyField = Literal[
    "Телефон",
    "PHONE",
    927,
    "Email",
    "EMAIL",
    929,
    "Web",
    "WEB",
    931,
    "Адрес",
    "ADDRESS",
    933,
]

class CompanyFields(CustomFields):
    """The custom fields of companies."""

    @overload
    def __getitem__(self, key: Literal["Телефон", "PHONE", 927]) -> list[Multitext]: ...
    @overload
    def __getitem__(self, key: Literal["Email", "EMAIL", 929]) -> list[Multitext]: ...
    @overload
    def __getitem__(self, key: Literal["Web", "WEB", 931]) -> str: ...
    @overload
    def __getitem__(self, key: Literal["Адрес", "ADDRESS", 933]) -> str: ...
    @overload
    def get(self, key: Literal["Телефон", "PHONE", 927], default: None = None) -> list[Multitext] | None: ...
    @overload
    def get(self, key: Literal["Телефон", "PHONE", 927], default: _D) -> list[Multitext] | _D: ...
    @overload
    def get(self, key: Literal["Email", "EMAIL", 929], default: None = None) -> list[Multitext] | None: ...
    @overload
    def get(self, key: Literal["Email", "EMAIL", 929], default: _D) -> list[Multitext] | _D: ...
    @overload
    def get(self, key: Literal["Web", "WEB", 931], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["Web", "WEB", 931], default: _D) -> str | _D: ...
    @overload
    def get(self, key: Literal["Адрес", "ADDRESS", 933], default: None = None) -> str | None: ...
    @overload
    def get(self, key: Literal["Адрес", "ADDRESS", 933], default: _D) -> str | _D: ...
    @overload
    def __setitem__(self, key: Literal["Телефон", "PHONE", 927], value: str | Multitext | Iterable[str | Multitext | Mapping[str, Any]] | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["Email", "EMAIL", 929], value: str | Multitext | Iterable[str | Multitext | Mapping[str, Any]] | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["Web", "WEB", 931], value: str | Raw | _Clear) -> None: ...
    @overload
    def __setitem__(self, key: Literal["Адрес", "ADDRESS", 933], value: str | Raw | _Clear) -> None: ...
    def __delitem__(self, key: CompanyField) -> None: ...
    def raw(self, key: CompanyField) -> list[Any]: ...


CustomerField = NoReturn

class CustomerFields(CustomFields):
    """The custom fields of customers."""

    def __getitem__(self, *arguments: NoReturn) -> Any: ...
    def get(self, *arguments: NoReturn) -> Any: ...
    def __setitem__(self, *arguments: NoReturn) -> Any: ...
    def __delitem__(self, key: CustomerField) -> None: ...
    def raw(self, key: CustomerField) -> list[Any]: ...


PipelineName = Literal[
    "Воронка",
]
PipelineId = Literal[
    11,
]
_OwnStage = Literal[
    "Неразобранное",
    "Первичный контакт",
    "Переговоры",
    "Принимают решение",
    "Согласование договора",
    "Успешно реализовано",
    "Закрыто и не реализовано",
]
_StageOf11 = Literal[
    "Неразобранное",
    "Первичный контакт",
    "Переговоры",
    "Принимают решение",
    "Согласование договора",
    "Успешно реализовано",
    "Закрыто и не реализовано",
]
StageId = Literal[
    101,
    103,
    105,
    107,
    109,
    142,
    143,
]

class _Pipelines(Pipelines):
    @overload
    def stage(self, name: _OwnStage, *, pipeline: None = None) -> Stage: ...
    @overload
    def stage(self, name: _StageOf11, *, pipeline: Literal["Воронка", 11]) -> Stage: ...
    def named(self, name: PipelineName) -> Pipeline: ...


UserName = Literal[
    "Ann",
    "Bob",
]
UserId = Literal[
    501,
    503,
]

class _Users(Users):
    def named(self, name: UserName) -> User: ...


class _Leads(Leads):
    pipelines: LazyResource[_Pipelines]
    def cf(self, entity: Mapping[str, object]) -> LeadFields: ...

class _Contacts(Contacts):
    def cf(self, entity: Mapping[str, object]) -> ContactFields: ...

class _Companies(Companies):
    def cf(self, entity: Mapping[str, object]) -> CompanyFields: ...

class _Customers(Customers):
    def cf(self, entity: Mapping[str, object]) -> CustomerFields: ...

class Client(AmoCRM):
    """A client of this account."""

    leads: LazyResource[_Leads]
    contacts: LazyResource[_Contacts]
    companies: LazyResource[_Companies]
    customers: LazyResource[_Customers]
    users: LazyResource[_Users]
    def __enter__(self) -> Client: ...
    def as_user(self, user_id: int) -> Client: ...
    def with_options(self, *, timeout: Any = None, retry: Any = None, read_only: Any = False) -> Client: ...
