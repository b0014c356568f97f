"""A list is its address: sort, filters and place are read from it and written to it."""

from __future__ import annotations

from django.http import QueryDict

from samdrift.web import lists

COLUMNS = [lists.Column(label="Number", sort="number"), lists.Column(label="Title")]


def test_heads_turn_the_sorted_column_round() -> None:
    heads = lists.heads(COLUMNS, sort="number", query=QueryDict("state=open&after=7"))

    assert heads[0].direction == "ascending"
    assert heads[0].address == "?state=open&sort=-number"
    assert heads[1].address == ""


def test_choice_that_is_unknown_counts_as_not_chosen() -> None:
    shown = lists.choice(QueryDict("state=nonsense"), name="state", label="State", values=[("open", "Open")])

    assert shown.chosen == ""
    assert not shown.choices[0].chosen


def test_choice_can_be_taken_away() -> None:
    shown = lists.choice(QueryDict("state=open&sort=due"), name="state", label="State", values=[("open", "Open")])

    assert (shown.chosen, shown.without) == ("Open", "?sort=due")


def test_sort_key_outside_the_allowed() -> None:
    assert lists.sort_key(QueryDict("sort=-password"), allowed=["due"], default="-due") == "-due"
    assert lists.sort_key(QueryDict("sort=-due"), allowed=["due"], default="due") == "-due"
