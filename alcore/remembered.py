"""Answers that are asked for again and again, made once for each state of what they depend on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Remembered:
    """The newest answers by the state they were made from. Thread-safe: of those who ask at once for the same one makes it, and the others
    wait; where that fails, the next one tries.

    Args:
        few: how many are kept.
    """

    def __init__(self, few: int) -> None:
        self.few = few
        self._answers: dict[Hashable, Any] = {}
        self._making: dict[Hashable, threading.RLock] = {}
        self._lock = threading.Lock()

    def knows(self, state: Hashable) -> bool:
        """Whether the answer is at hand."""
        with self._lock:
            return state in self._answers

    def at_hand(self, state: Hashable) -> Any:
        """The answer that was made for a state; None where there is none."""
        with self._lock:
            return self._answers.get(state)

    def forget(self, state: Hashable) -> None:
        """The answer is made anew when it is asked for next."""
        with self._lock:
            self._answers.pop(state, None)

    def of(self, state: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once for each state."""
        with self._lock:
            if state in self._answers:
                kept: T = self._answers[state]
                return kept
            turn = self._making.setdefault(state, threading.RLock())
        with turn:
            with self._lock:
                if state in self._answers:
                    made: T = self._answers[state]
                    return made
            try:
                made = make()
                with self._lock:
                    while len(self._answers) >= self.few:
                        self._answers.pop(next(iter(self._answers)))
                    self._answers[state] = made
            finally:
                with self._lock:
                    self._making.pop(state, None)  # who waits for the turn has it
        return made
