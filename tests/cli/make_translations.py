"""Makes the catalog that gettext reads from the text that people edit.

python -m tests.cli.make_translations
"""

from __future__ import annotations

import ast
import re
import struct
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "amocrm" / "cli" / "locale" / "ru" / "LC_MESSAGES"
TEXT, CATALOG = FOLDER / "amocrm.po", FOLDER / "amocrm.mo"
MESSAGE = re.compile(r'^msgid (".*")\nmsgstr (".*")$', re.MULTILINE)
PLURAL = re.compile(
    r'^msgid (".*")\nmsgid_plural (".*")\nmsgstr\[0\] (".*")\nmsgstr\[1\] (".*")$', re.MULTILINE
)
MAGIC = 0x950412DE


def messages() -> dict[str, str]:
    """Return the texts by their English; those for one and for several have a NUL between them."""
    text = TEXT.read_text(encoding="utf-8")
    read = ast.literal_eval
    found = {read(name): read(translated) for name, translated in MESSAGE.findall(text)}
    for one, several, first, second in PLURAL.findall(text):
        found[f"{read(one)}\0{read(several)}"] = f"{read(first)}\0{read(second)}"
    return found


def catalog() -> bytes:
    """Return the catalog: a head, two tables of lengths and offsets, the texts."""
    pairs = sorted((name.encode(), text.encode()) for name, text in messages().items())
    place = 28 + 16 * len(pairs)
    tables: list[bytes] = []
    texts = b""
    for column in (0, 1):
        for pair in pairs:
            tables.append(struct.pack("<2I", len(pair[column]), place + len(texts)))
            texts += pair[column] + b"\0"
    head = struct.pack("<7I", MAGIC, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return head + b"".join(tables) + texts


if __name__ == "__main__":
    CATALOG.write_bytes(catalog())
