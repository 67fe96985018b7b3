"""What people write in an account: titles of leads, notes, tasks, reasons, tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Language: TypeAlias = 'Literal["ru", "en"]'


@dataclass(frozen=True)
class Texts:
    """Texts of one language.

    Attributes:
        titles: of leads; `{company}` and `{number}` are filled in.
        reasons: why leads are lost, for an account that has none.
        sources: of advertisement.
    """

    titles: tuple[str, ...]
    notes: tuple[str, ...]
    tasks: tuple[str, ...]
    results: tuple[str, ...]
    reasons: tuple[str, ...]
    tags: tuple[str, ...]
    sources: tuple[str, ...]


TEXTS: Mapping[Language, Texts] = {
    "ru": Texts(
        titles=(
            "Заказ №{number}", "Заявка с сайта №{number}", "Внедрение CRM", "Кухня на заказ",
            "Ремонт офиса", "Поставка оборудования", "Обучение сотрудников", "Аренда зала",
            "Договор с {company}", "Разработка сайта", "Рекламная кампания", "Монтаж окон",
        ),
        notes=(
            "Просит перезвонить после обеда", "Отправили коммерческое предложение",
            "Сравнивает с другими поставщиками", "Нужна скидка за объём",
            "Согласовали сроки, ждём оплату", "Попросил прислать договор на почту",
            "Приедет в офис в среду", "Уточняет бюджет у директора",
            "Не ответил, попробуем завтра", "Всё понравилось, готов заказывать",
        ),
        tasks=(
            "Позвонить и уточнить детали", "Отправить счёт", "Назначить встречу",
            "Напомнить об оплате", "Подготовить договор", "Узнать решение",
        ),
        results=("Договорились", "Отправил, ждём ответа", "Перенесли на неделю", "Готово"),
        reasons=(
            "Дорого", "Купили у конкурентов", "Пропала потребность", "Не выходит на связь",
        ),
        tags=("сайт", "звонок", "повторный", "рекомендация", "опт", "срочно"),
        sources=("yandex", "google", "vk", "telegram", "2gis"),
    ),
    "en": Texts(
        titles=(
            "Order #{number}", "Website request #{number}", "CRM rollout", "Custom kitchen",
            "Office renovation", "Equipment delivery", "Staff training", "Venue rental",
            "Contract with {company}", "Website development", "Ad campaign", "Window fitting",
        ),
        notes=(
            "Asked to be called back after lunch", "Sent the proposal",
            "Comparing us with other suppliers", "Wants a volume discount",
            "Dates agreed, waiting for payment", "Asked for the contract by e-mail",
            "Will visit the office on Wednesday", "Checking the budget with the director",
            "No answer, will try tomorrow", "Liked everything, ready to order",
        ),
        tasks=(
            "Call and clear up the details", "Send the invoice", "Arrange a meeting",
            "Remind of the payment", "Prepare the contract", "Ask for the decision",
        ),
        results=("Agreed", "Sent, waiting for an answer", "Moved to next week", "Done"),
        reasons=("Too expensive", "Bought elsewhere", "No longer needed", "Does not answer"),
        tags=("website", "call", "returning", "referral", "wholesale", "urgent"),
        sources=("google", "facebook", "instagram", "linkedin", "bing"),
    ),
}  # fmt: skip
