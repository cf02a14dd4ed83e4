"""Typed lines and who wrote them."""

from greenroom.bots.assistant.typed_lines import TYPED_LINES_KEPT, TypedLines


def test_a_line_finds_its_author_in_whichever_order_they_come():
    typed = TypedLines()
    assert typed.author_of("Hello", "line 1") is None
    assert typed.line_of("ann", "Hello") == "line 1"

    assert typed.line_of("ben", "And I?") is None
    assert typed.author_of("And I?", "line 2") == "ben"


def test_a_line_goes_to_one_author_and_an_author_gets_one_line():
    typed = TypedLines()
    assert typed.author_of("Yes", "line 1") is None
    assert typed.line_of("ann", "Yes") == "line 1"

    assert typed.line_of("ben", "Yes") is None
    assert typed.line_of("cleo", "Yes") is None
    assert typed.author_of("Yes", "line 2") == "ben"
    assert typed.author_of("Yes", "line 3") == "cleo"


def test_words_of_others_are_nobodys():
    typed = TypedLines()
    assert typed.line_of("ann", "Yes") is None

    assert typed.author_of("No", "line") is None
    assert typed.author_of(None, "no single line") is None


def test_lines_whose_author_never_comes_do_not_pile_up():
    typed = TypedLines()
    for number in range(TYPED_LINES_KEPT + 1):
        typed.author_of(f"line {number}", number)

    assert typed.line_of("ann", "line 0") is None
    assert typed.line_of("ann", "line 1") == 1
