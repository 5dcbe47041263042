"""The small Markdown of questions and hints."""

import pytest

from dlstudy.course.content.prose import to_html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("A *word*, `a < b`, <b>x</b>", "<p>A <em>word</em>, <code>a &lt; b</code>, &lt;b&gt;x&lt;/b&gt;</p>"),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("$s_c\\, x_{*c*}$ and \\*no stress\\*", "<p>$s_c\\, x_{*c*}$ and *no stress*</p>"),
        ("$$a_1\n\\\\ b < c_1$$", "<p>$$a_1\n\\\\ b &lt; c_1$$</p>"),
        ("from $5 to *$6*", "<p>from $5 to <em>$6</em></p>"),
        ("```python\nx = 1\n```", '<pre><code class="language-python">x = 1\n</code></pre>'),
    ],
)  # fmt: skip
def test_what_a_card_shows(text: str, html: str) -> None:
    assert to_html(text) == html


def test_a_table_is_one_and_a_single_paragraph_may_stand_in_a_line() -> None:
    assert "<td>1</td>" in to_html("| a |\n| --- |\n| 1 |")
    assert to_html("*one*", inline=True) == "<em>one</em>"
    assert to_html("one\n\ntwo", inline=True) == "<p>one</p>\n<p>two</p>"
