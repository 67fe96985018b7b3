"""People and companies that do not exist, drawn from pools of Faker's names."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.populate.texts import Language

_LOCALES = {"ru": "ru_RU", "en": "en_US"}
_POOL = 200
"""Names of each kind, made once: Faker takes longer for one than the sandbox for a lead."""

_DOMAINS = ("example.com", "example.org", "example.net")
"""Domains that nobody owns (RFC 2606): mail to them reaches no one."""

_LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh sch _ y _ e yu ya".split(),  # noqa: SIM905  a table
        strict=True,
    )
) | {"ъ": "", "ь": ""}


@dataclass(frozen=True)
class Name:
    """The name of a person."""

    first: str
    last: str


@dataclass(frozen=True)
class Pool:
    """Names of one language: first and last names by gender, companies, positions."""

    language: Language
    names: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    companies: tuple[str, ...]
    positions: tuple[str, ...]

    def name(self, rnd: random.Random) -> Name:
        """Draw a person's name."""
        first, last = self.names[rnd.random() < 0.5]
        return Name(rnd.choice(first), rnd.choice(last))

    def phone(self, rnd: random.Random) -> str:
        """Draw a phone, written in one of several ways."""
        if self.language == "en":
            # Numbers that are set aside for fiction.
            area, line = rnd.randrange(201, 990), rnd.randrange(100, 200)
            return rnd.choice(("+1 {} 555-0{}", "({}) 555-0{}", "+1{}5550{}")).format(area, line)
        area, a, b, c = (
            rnd.randrange(900, 1000), rnd.randrange(100, 1000),
            rnd.randrange(10, 100), rnd.randrange(10, 100),
        )  # fmt: skip
        ways = ("+7 {} {}-{}-{}", "8 ({}) {}-{}-{}", "+7{}{}{}{}", "8{}{}{}{}")
        return rnd.choice(ways).format(area, a, b, c)

    def email(self, name: Name, rnd: random.Random) -> str:
        """Return an address for a name."""
        first, last = latin(name.first), latin(name.last)
        local = rnd.choice((f"{first}.{last}", f"{first[:1]}.{last}", f"{last}{rnd.randrange(99)}"))
        return f"{local}@{rnd.choice(_DOMAINS)}"


@lru_cache(maxsize=8)
def pool_of(language: Language, seed: int) -> Pool:
    """Return the names of one language; the same seed makes the same ones.

    Raises:
        ImportError: Faker is missing.
    """
    try:
        from faker import Faker
    except ImportError:
        raise ImportError(
            "populate() needs Faker: pip install 'amocrm-python[testing]'", name="faker"
        ) from None
    fake: Json = Faker(_LOCALES[language])
    fake.seed_instance(seed)

    def some(method: str) -> tuple[str, ...]:
        make = getattr(fake, method)
        return tuple(str(make()) for _ in range(_POOL))

    return Pool(
        language=language,
        names=tuple(
            (some(f"first_name_{gender}"), some(f"last_name_{gender}"))
            for gender in ("male", "female")
        ),
        companies=some("company"),
        positions=some("job"),
    )


def latin(text: str) -> str:
    """Return a name in lower-case Latin letters.

    >>> latin("Щукин"), latin("O'Hara")
    ('schukin', 'ohara')
    """
    letters = (_LATIN.get(one, one) for one in text.casefold())
    return "".join(one for one in letters if (one.isascii() and one.isalnum()) or len(one) > 1)
