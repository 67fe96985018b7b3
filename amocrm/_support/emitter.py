"""on, once, off, emit: event names are strings, as in the seed.

Handlers run in the order they were added, in the thread that emits, over the list as it was when
the event began: a handler may add and remove handlers, or call the client again. What a handler
raises reaches the caller, and hurts nothing, because no state changes after an `emit`.
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

        A handler added several times is removed whole; one that was never added is no error.
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
        """Tell whether anybody would hear of an event."""
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
                    if entry.spent:
                        continue
                    entry.spent = True
                    self._keep(event, lambda other: not other.spent)
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
        """Replace the tuple of an event; emitters keep running over the old one."""
        kept = tuple(entry for entry in self._handlers.get(event, ()) if wanted(entry))
        if kept:
            self._handlers[event] = kept
        else:
            self._handlers.pop(event, None)


class _Entry:
    """A handler as it was added."""

    __slots__ = ("handler", "once", "spent")

    def __init__(self, handler: Handler, once: bool) -> None:
        self.handler = handler
        self.once = once
        self.spent = False


def _known(event: str) -> None:
    """Refuse a misspelt event: its handler would wait for ever, and tokens would go unsaved."""
    if event not in EVENTS:
        raise ConfigurationError(
            f"there is no event {event!r}", hint=f"events: {', '.join(EVENTS)}"
        )
