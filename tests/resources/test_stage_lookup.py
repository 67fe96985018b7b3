from __future__ import annotations

from typing import Any

import pytest

from amocrm import ConfigurationError
from amocrm.resources.stage_lookup import find_stage


def pipeline(number: int, name: str, *stages: str) -> dict[str, Any]:
    made = [{"id": number * 10 + at, "name": stage} for at, stage in enumerate(stages)]
    closed = [{"id": 142, "name": "Won"}, {"id": 143, "name": "Lost"}]
    return {"id": number, "name": name, "_embedded": {"statuses": made + closed}}


SALES = pipeline(1, "Sales", "New", "Agreed", "agreed")
REPAIRS = pipeline(2, "Repairs", "New", "In work")


@pytest.mark.parametrize(
    ("stage", "where", "ids"),
    [
        ("Agreed", None, (1, 11)),
        ("agreed", None, (1, 12)),
        (" in  WORK", None, (2, 21)),
        ("New", "Repairs", (2, 20)),
        ("New", " repairs ", (2, 20)),
        ("New", 1, (1, 10)),
        ("Won", "Sales", (1, 142)),
    ],
)
def test_a_stage_is_meant_as_written_else_in_any_case(
    stage: str, where: str | int | None, ids: tuple[int, int]
) -> None:
    found = find_stage([SALES, REPAIRS], stage, where)
    assert (found.pipeline["id"], found.stage["id"]) == ids


def test_several_are_listed_and_none_is_taken() -> None:
    with pytest.raises(ConfigurationError) as several:
        find_stage([SALES, REPAIRS], "Won")
    for said in ("2 stages", "'Sales' (id 1)", "'Repairs' (id 2)", "name the pipeline"):
        assert said in str(several.value)
    with pytest.raises(ConfigurationError, match="take the id"):
        find_stage([SALES], "AGREED", "Sales")
    twins = [SALES, pipeline(3, "Sales", "New")]
    with pytest.raises(ConfigurationError, match="2 stages are called 'New'"):
        find_stage(twins, "New", "Sales")
    assert find_stage(twins, "New", 3).stage["id"] == 30


def test_a_message_lists_ten_at_most() -> None:
    many = [pipeline(number, f"P{number}", "New") for number in range(1, 12)]
    with pytest.raises(ConfigurationError, match="11 stages") as several:
        find_stage(many, "New")
    assert str(several.value).count("of 'P") == 10


def test_what_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'Agreed'"):
        find_stage([SALES, REPAIRS], "Agred")
    with pytest.raises(ConfigurationError, match="in the pipeline 'Repairs'"):
        find_stage([SALES, REPAIRS], "Agreed", "Repairs")
    with pytest.raises(ConfigurationError, match=r"no pipeline 'Sale'.*did you mean 'Sales'"):
        find_stage([SALES, REPAIRS], "New", "Sale")
    with pytest.raises(ConfigurationError, match="no pipeline 9"):
        find_stage([SALES, REPAIRS], "New", 9)
