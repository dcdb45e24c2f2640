"""Terms are explained where captions use them first, and in a glossary of what a page uses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from spl.page.glossary import TERMS, Glossary, anchor


def test_the_first_use_of_a_term_says_what_it_means_and_leads_to_the_glossary():
    glossary = Glossary()
    text = glossary.explained(Markup("Coverage by fold; coverage &lt; 1 in the low basin."))
    link = '<a class="term" href="#term-coverage" data-says="mean weight of the pseudo-labels;'
    assert text.startswith(link)
    assert text.count("<a ") == 3
    assert "; coverage &lt; 1 in the <a" in text
    assert ">low basin</a>." in text
    assert [name for _, name, _ in glossary.entries()] == ["basin", "coverage", "fold"]


def test_a_part_of_a_word_is_no_term():
    text = Markup("twofold, regained, pseudo-labels-x, subregime")
    assert Glossary().explained(text) == text


@given(st.text(alphabet="gainfolds <>&\"'-", max_size=60))
def test_a_caption_reads_as_before_and_brings_no_markup(text):
    explained = Glossary().explained(escape(text))
    rest = explained.replace("</a>", "")
    for name, (_, says) in TERMS.items():
        rest = rest.replace(Markup('<a class="term" href="#term-{}" data-says="{}">').format(anchor(name), says), "")
    assert rest == escape(text)


@pytest.mark.parametrize("name", TERMS)
def test_a_term_is_found_by_its_name_and_has_an_anchor_of_its_own(name):
    glossary = Glossary()
    glossary.explained(Markup("smallest column" if name == "column" else name))
    assert (anchor(name), name, TERMS[name][1]) in glossary.entries()
    assert [anchor(other) for other in TERMS].count(anchor(name)) == 1
