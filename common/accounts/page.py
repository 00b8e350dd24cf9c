"""The page behind the mailed link. It shows the code that rides in the fragment, which no server ever sees."""

from base64 import b64encode
from hashlib import sha256

_STYLE = (
    "body{font:18px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem;color:#1b1b1f;background:#fff}"
    "code{display:block;padding:1rem;margin:1rem 0;border:1px solid #767680;border-radius:6px;overflow-wrap:anywhere;user-select:all}"
    "@media(prefers-color-scheme:dark){body{color:#e4e1e6;background:#1b1b1f}}"
)
_SCRIPT = (
    "const code=location.hash.slice(1)||new URLSearchParams(location.search).get('oobCode')||'';"
    "history.replaceState(null,'',location.pathname);"
    "document.getElementById('code').textContent=code||'This link carries no code. Open the link of the newest mail.';"
)
LINK_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    f"<title>Sign in to Sealpost</title><style>{_STYLE}</style></head><body><main><h1>Sign in to Sealpost</h1>"
    "<p>Copy this code into the app or the terminal that asked for it. It works once.</p>"
    '<code id="code" tabindex="0">JavaScript shows the code here. Without it, copy what follows # in the address.</code>'
    "<p>You did not ask for it? Close this page: nothing happens without the code.</p></main>"
    f"<script>{_SCRIPT}</script></body></html>\n"
)


def _source(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


LINK_PAGE_POLICY = (
    f"default-src 'none'; script-src {_source(_SCRIPT)}; style-src {_source(_STYLE)}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
