"""Event handlers: on, once, off, emit.

Handlers run in the order in which they were added, in the thread that emits. Handlers that are
added or removed meanwhile do not change the running event. A handler may call the client again. Its
exceptions reach the caller; they do no harm, because no state changes after `emit`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from amocrm._support.forks import ForkLock
from amocrm.errors import ConfigurationError

Handler: TypeAlias = Callable[..., object]

EVENTS: Final = (
    "connection:beforeConnect",
    "connection:beforeConsent",
    "connection:beforeFetchToken",
    "connection:beforeRefreshToken",
    "connection:checkToken",
    "connection:authError",
    "connection:connected",
    "connection:error",
    "connection:moved",
    "connection:newToken",
    "error",
    "request:done",
)


class Emitter:
    """Handlers by event name. Thread-safe."""

    def __init__(self) -> None:
        self._handlers: dict[str, tuple[_Entry, ...]] = {}
        self._next: tuple[Emitter, object] | None = None
        self._lock = ForkLock()

    def on(self, event: str, handler: Handler) -> None:
        """Call `handler` whenever `event` happens.

        Raises:
            ConfigurationError: there is no such event, or the handler cannot be called.
        """
        self._add(event, handler, once=False)

    def once(self, event: str, handler: Handler) -> None:
        """Call `handler` the next time `event` happens, and never again."""
        self._add(event, handler, once=True)

    def off(self, event: str | None = None, handler: Handler | None = None) -> None:
        """Remove a handler of an event, all handlers of an event, or all handlers.

        A handler that was added several times is removed completely; an unknown one is no error.
        """
        if event is not None:
            _known(event)
        with self._lock:
            if event is None:
                self._handlers.clear()
            elif handler is None:
                self._handlers.pop(event, None)
            else:
                self._keep(event, lambda entry: entry.handler != handler)

    def hears(self, event: str) -> bool:
        """Whether an event has handlers, here or where it is forwarded to."""
        return event in self._handlers or (self._next is not None and self._next[0].hears(event))

    def forward(self, other: Emitter, source: object) -> None:
        """Emit every event in another emitter, too, after the handlers here.

        Its handlers get `source` before the arguments.
        """
        self._next = other, source

    def emit(self, event: str, *args: object) -> None:
        """Call the handlers of an event, in order."""
        for entry in self._handlers.get(event, ()):
            if entry.once:
                with self._lock:
                    if entry.is_used:
                        continue
                    entry.is_used = True
                    self._keep(event, lambda entry: not entry.is_used)
            entry.handler(*args)
        if self._next is not None:
            other, source = self._next
            other.emit(event, source, *args)

    def _add(self, event: str, handler: Handler, *, once: bool) -> None:
        _known(event)
        if not callable(handler):
            raise ConfigurationError(f"the handler of {event!r} cannot be called")
        with self._lock:
            self._handlers[event] = (*self._handlers.get(event, ()), _Entry(handler, once))

    def _keep(self, event: str, wanted: Callable[[_Entry], bool]) -> None:
        """Replace the tuple of an event; a running event uses the old one."""
        entries = tuple(entry for entry in self._handlers.get(event, ()) if wanted(entry))
        if entries:
            self._handlers[event] = entries
        else:
            self._handlers.pop(event, None)


class _Entry:
    """One added handler."""

    __slots__ = ("handler", "is_used", "once")

    def __init__(self, handler: Handler, once: bool) -> None:
        self.handler = handler
        self.once = once
        self.is_used = False


def _known(event: str) -> None:
    """Refuse an unknown event: its handler would never run, and tokens might not be saved."""
    if event not in EVENTS:
        raise ConfigurationError(
            f"there is no event {event!r}", hint=f"events: {', '.join(EVENTS)}"
        )
