"""Never executed: what `amocrm stubs` lets both type checkers accept and refuse.

`shop.pyi` is of the sandbox's shop; `tests/cli/test_stubs.py` writes it.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from amocrm import CLEAR, AmoCRM

if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import assert_type

    from tests.typing import shop  # pyright: ignore[reportMissingModuleSource]


def accepted(plain: AmoCRM) -> None:
    crm = cast("shop.Client", plain)
    lead = crm.leads.get(1)
    fields = crm.leads.cf(lead)
    assert_type(fields["Region"], Literal["North", "South"])
    assert_type(fields["Weight"], Decimal)
    assert_type(fields["Colors"], "list[Literal['red', 'blue']]")
    assert_type(fields["DELIVERY_DATE"], date)
    assert_type(fields.get("Оплачено"), "bool | None")
    assert_type(fields.get("Weight", 0), "Decimal | int")
    fields["Region"] = "North"
    fields["Region"] = CLEAR
    fields["Weight"] = 5
    fields["Colors"] = ("red", "blue")
    fields["Colors"] = "red"
    crm.contacts.cf({})["PHONE"] = "+79990000000"
    with crm.leads.edit(lead) as item:
        del crm.leads.cf(item)['Say "hi"\\']
    crm.leads(1).move(crm.leads.pipelines.stage("Переговоры"))
    crm.leads.pipelines.stage("Переговоры", pipeline="Воронка")
    crm.users.named("Ann")
    with crm.as_user(501) as other:
        other.leads.cf(lead)["Region"] = "South"


def refused(plain: AmoCRM) -> None:
    crm = cast("shop.Client", plain)
    fields = crm.leads.cf({})
    fields["Region"] = "nort"  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    fields["Regoin"] = "North"  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    fields["Regoin"]  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    fields[999]  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    fields.get("Regoin")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    del fields["Regoin"]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fields["Colors"] = ("rde",)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    fields["Weight"] = [5]  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    fields["Оплачено"] = "yes"  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    crm.customers.cf({})["Region"]  # type: ignore[index]  # pyright: ignore[reportArgumentType]
    crm.leads.pipelines.stage("Negotiations")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    crm.leads.pipelines.stage("Переговоры", pipeline="Other")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    crm.users.named("Anna")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
