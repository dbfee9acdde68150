"""Names and values that somebody may have written to do harm. What runs one of them calls alert() or asks a server."""

from __future__ import annotations

from typing import Any

SERVER = "https://evil.invalid/"

TEXTS = [
    "<img src=x onerror=alert(1)>",
    "<img src=https://evil.invalid/a.png>",
    "<script>alert(2)</script>",
    "</script><script>alert(3)</script>",
    "</ScRiPt ><img src=x onerror=alert(3)>",
    "<!--<script>alert(4)",
    "--><script>alert(4)</script>",
    "]]><script>alert(5)</script>",
    "<![CDATA[<script>alert(5)</script>]]>",
    "</style><style>*{background:url(https://evil.invalid/b)}</style>",
    "</title><script>alert(6)</script>",
    "</noscript><script>alert(6)</script>",
    "<svg onload=alert(7)>",
    "<svg><animate onbegin=alert(7) attributeName=x dur=1s>",
    "<iframe srcdoc='<script>alert(8)</script>'>",
    "<iframe src=javascript:alert(8)>",
    "<object data=https://evil.invalid/c></object>",
    "<base href=https://evil.invalid/>",
    "<meta http-equiv=refresh content='0;url=https://evil.invalid/'>",
    "<link rel=stylesheet href=https://evil.invalid/d.css>",
    "<form action=https://evil.invalid/><input name=q autofocus onfocus=alert(9)>",
    "<video src=https://evil.invalid/e.mp4 autoplay></video>",
    "<details open ontoggle=alert(10)>",
    '"><script>alert(11)</script>',
    "'><script>alert(11)</script>",
    '" onmouseover="alert(12)" x="',
    "' onmouseover='alert(12)' x='",
    "` onmouseover=alert(12) x=`",
    '" autofocus onfocus="alert(13)',
    "javascript:alert(14)",
    "JaVaScRiPt\n:alert(14)",
    "data:text/html,<script>alert(15)</script>",
    "vbscript:msgbox(1)",
    "//evil.invalid/f.png",
    "https://evil.invalid/g.png",
    "file:///etc/passwd",
    "\\\\evil.invalid\\share",
    "..\\..\\windows",
    "url(https://evil.invalid/h)",
    "expression(alert(16))",
    "red;background:url(https://evil.invalid/i)",
    "{{ 7 * 7 }}{% raw %}",
    "{{ self.__init__.__globals__ }}",
    "${alert(17)}",
    "`${alert(17)}`",
    "';alert(18);'",
    '";alert(18);"',
    "\\u003cscript\\u003ealert(19)\\u003c/script\\u003e",
    "&lt;script&gt;alert(20)&lt;/script&gt;",
    "&#60;img src=x onerror=alert(20)&#62;",
    "%3Cscript%3Ealert(21)%3C/script%3E",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%00%0a%ff%",
    "100%",
    "#job=000000000000&frame=1",
    "?q=1&view=plot#x",
    "a&b=c;d",
    '=HYPERLINK("https://evil.invalid/","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\tTab\r\nnew line",
    "right \u202egnp.exe\u202c to left \u2066x\u2069 \u200f",
    "line\u2028and\u2029paragraph",
    "zero\u200bwidth\ufeff and \u00ad",
    "Z\u0351\u0327\u0332a\u030d\u034el\u0346\u035cgo\u0300" + "\u0301" * 40,
    "\U0001f469\u200d\U0001f680 \U0001f3f4\U000e0067\U000e0062\U000e007f",
    "\x1b]0;owned\x07\x1b[2J",
    "__proto__",
    "constructor",
    "prototype",
    "hasOwnProperty",
    "toString",
    "__defineGetter__",
    "then",
    "length",
    'return > 200 env:x -y "z',
    "(a+)+$",
    "NaN",
    "Infinity",
    "-0",
    "1e999",
    "null",
    "undefined",
    " ",
    "daddy-encode:data",
    "long " * 2000,
]

# Values that are no text; json.dumps writes them as a hostile writer would, NaN too.
VALUES: list[Any] = [
    float("nan"),
    float("inf"),
    -float("inf"),
    1e308,
    -1e308,
    5e-324,
    -0.0,
    2**53 + 1,
    10**300,
    True,
    None,
    [],
    {},
]
VALUES += [[1, [2]], ["a", 3], {"__proto__": {"polluted": 1}}, {"a": {"b": {"c": {"constructor": "x"}}}}]

# Only as escapes in JSON, `"\\ud800"`: no text of a file holds one.
SURROGATES = ["\ud800", "x\udfff<script>alert(22)</script>", "\udc80\ud83d", "\x00", "a\x00<script>alert(22)</script>"]


def file_names() -> list[str]:
    """Those that a file system takes, some 200 bytes long at most: with the links' endings they are names of files."""
    found = []
    for text in [*TEXTS, "\udcff\udcfe", "x\udc80.mp4", ".hidden", "-rf", "~", "a b", "a.receipt.json", "index"]:
        name = text.replace("/", "\u2215")[:60]
        if name.strip() and name not in found and name not in (".", ".."):
            found.append(name)
    return found
