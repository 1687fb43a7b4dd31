"""Guesses follow the prompt, resume after a change, and grow with success."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aide_local.llm.lookup import FEWEST, MOST, WIDTH, Lookup

PROMPT = [*range(100, 140), 7, *range(200, 240)]


def write(lookup: Lookup, tokens: list[int]) -> None:
    for token in tokens:
        lookup.add(token)


def test_three_tokens_of_the_prompt_are_enough_to_guess_the_next() -> None:
    lookup = Lookup(PROMPT)
    write(lookup, [100, 101])
    assert lookup.guess(9) == []
    lookup.add(102)
    assert lookup.guess(9) == [103, 104]


def test_after_another_line_the_guesses_go_on() -> None:
    lookup = Lookup(PROMPT)
    write(lookup, [100, 101, 102, 103, 9, 9, 9])
    assert lookup.guess(9) == []
    write(lookup, [120, 121, 122])
    assert lookup.guess(9) == [123, 124]


def test_the_last_of_several_places_counts() -> None:
    lookup = Lookup([1, 2, 3, 4, 5, 6, 1, 2, 3, 8, 9])
    write(lookup, [1, 2, 3])
    assert lookup.guess(9) == [8, 9]


def test_more_is_guessed_while_all_comes_and_less_once_it_does_not() -> None:
    lookup = Lookup(PROMPT)
    write(lookup, [100, 101, 102])
    for _ in range(5):
        lookup.record(FEWEST, FEWEST)
    assert len(lookup.guess(99)) == MOST
    assert len(lookup.guess(3)) == 3
    assert lookup.guess(-1) == []
    lookup.record(0, MOST)
    assert len(lookup.guess(99)) == FEWEST
    lookup.record(0, 0)  # nothing was guessed: nothing is learnt
    assert len(lookup.guess(99)) == FEWEST


@given(st.lists(st.integers(0, 3), max_size=30), st.lists(st.integers(0, 3), max_size=30))
def test_a_guess_is_what_follows_in_the_prompt_after_the_same_tokens(
    prompt: list[int], reply: list[int]
) -> None:
    lookup = Lookup(prompt)
    write(lookup, reply)
    guess = lookup.guess(MOST)
    if guess:
        written = [*prompt, *reply]
        found = [*written[-WIDTH:], *guess]
        places = range(len(prompt) - len(found) + 1)
        assert any(prompt[at : at + len(found)] == found for at in places)
