"""HTML that a model has written, with nothing in it that acts: known elements, no attributes, and text."""

from html import escape
from html.parser import HTMLParser

KNOWN = frozenset(
    {"h1", "h2", "h3", "h4", "p", "div", "span", "b", "strong", "i", "em", "u", "s", "small", "sub", "sup"}
    | {"ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    | {"blockquote", "code", "pre"}
)
EMPTY = frozenset({"br", "hr"})
UNHEARD = frozenset(
    {
        "script",
        "style",
        "template",
        "iframe",
        "object",
        "embed",
        "noscript",
        "svg",
        "math",
        "title",
        "textarea",
    }
)  # what stands between these is no text for people


def plain_markup(html: str) -> str:
    """The same with known elements alone, each closed; what is unknown goes, and its text stays."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.written


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._unheard: list[str] = []

    @property
    def written(self) -> str:
        return "".join([*self._parts, *(f"</{name}>" for name in reversed(self._open))])

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in UNHEARD:
            self._unheard.append(tag)
        elif not self._unheard and tag in EMPTY:
            self._parts.append(f"<{tag}>")
        elif not self._unheard and tag in KNOWN:
            self._open.append(tag)
            self._parts.append(f"<{tag}>")

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        if tag in EMPTY:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unheard:
            while self._unheard.pop() != tag:
                pass
        elif not self._unheard and tag in self._open:
            while (closed := self._open.pop()) != tag:
                self._parts.append(f"</{closed}>")
            self._parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._unheard:
            self._parts.append(escape(data))
