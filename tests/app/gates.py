"""The table of routes: each of marimo's and of the course's own, and what becomes of a request for it.

The tests read marimo's routes from marimo itself and the course's from `Site`, and hold them against this table: who
gains a route, marimo with an update or the course, has to say here who may use it. Methods HEAD go with GET.
"""

from __future__ import annotations

from collections.abc import Iterable

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")
LESSON = "01_Tensors_and_Autograd.md"


def _routes(**paths: str) -> set[tuple[str, str]]:
    return {(method, path) for method, names in paths.items() for path in names.split()}


OPEN = _routes(
    GET="""
/ /@file/{filename_and_length:path} /api/export/availability /api/lsp/health /api/usage /assets /health
/public-files-sw.js
""",
    POST="""
/api/datasources/discover /api/document/transaction /api/kernel/code_autocomplete /api/kernel/delete
/api/kernel/format /api/kernel/function_call /api/kernel/instantiate /api/kernel/interrupt
/api/kernel/read_code /api/kernel/restart_session /api/kernel/run /api/kernel/save /api/kernel/save_app_config
/api/kernel/scratchpad/run /api/kernel/set_cell_config /api/kernel/set_model_value
/api/kernel/set_ui_element_value /api/kernel/stdin /api/kernel/takeover /api/packages/sandbox
""",
    WEBSOCKET="/ws",
)
"""What a page needs of marimo: open to who is logged in, and to pages of our own origin."""

REFUSED = _routes(
    GET="""
/api/ai/mcp/status /api/documentation/snippets /api/environment /api/files/download /api/files/roots
/api/kernel/status /api/packages/list /api/packages/tree /api/sessions /api/status /api/status/connections
/api/version /auth/token /healthz /og/thumbnail /public/{filepath:path}
/sse
""",
    POST="""
/api/ai/chat /api/ai/completion /api/ai/inline_completion /api/ai/invoke_tool /api/ai/mcp/refresh /api/cache/clear
/api/cache/info /api/datasources/preview_column /api/datasources/preview_datasource_connection
/api/datasources/preview_sql_schema_list /api/datasources/preview_sql_table
/api/datasources/preview_sql_table_list /api/export/auto_export/html /api/export/auto_export/ipynb
/api/export/auto_export/markdown /api/export/html /api/export/ipynb /api/export/markdown /api/export/pdf
/api/export/requirements/install /api/export/script /api/export/update_cell_outputs /api/files/copy
/api/files/create /api/files/delete /api/files/file_details /api/files/list_files /api/files/move /api/files/open
/api/files/search /api/files/update /api/home/recent_files /api/home/running_notebooks /api/home/shutdown_session
/api/home/tutorial/open /api/home/workspace_files /api/kernel/copy /api/kernel/execute /api/kernel/focus_cell
/api/kernel/install_missing_packages /api/kernel/pdb/breakpoints /api/kernel/pdb/pm /api/kernel/rename
/api/kernel/save_user_config /api/kernel/shutdown /api/lsp/restart /api/packages/add /api/packages/manifest
/api/packages/remove /api/packages/sync /api/secrets/create /api/secrets/delete /api/secrets/keys
/api/sql/validate /api/storage/download /api/storage/list_entries
""",
    WEBSOCKET="/terminal/ws /ws_sync",
)
"""What of marimo nobody reaches, logged in or not."""

IN_PART = {("GET", "/{path:path}")}
"""What takes any name: open for marimo's icons, `ICONS`, and refused for the rest."""
ICONS = ("/favicon.ico", "/manifest.json", "/apple-touch-icon.png", "/logo.png")

ANSWERED_BY_US = {("GET", "/auth/login"), ("POST", "/auth/login")}
"""Routes of marimo's that ours stand before."""

MIDDLEWARE = [
    "CustomSessionMiddleware",
    "OpenTelemetryMiddleware",
    "CustomAuthenticationMiddleware",
    "CORSMiddleware",
    "SkewProtectionMiddleware",
    "CourseMiddleware",
]
"""What stands around marimo's routes, from the outside in; each could answer by itself, as its proxies did."""

PUBLIC = {
    ("GET", "/api/course/hello"),
    ("GET", "/api/course/enter"),
    ("GET", "/auth/login"),
    ("POST", "/auth/login"),
    ("GET", "/course/{name:path}"),
}
"""The course's own routes that need no login."""
OWN = {
    ("GET", "/"),
    ("GET", "/search"),
    ("GET", "/merge"),
    ("GET", "/{name:path}"),
    ("GET", "/api/progress"),
    ("GET", "/api/course/machine"),
    ("GET", "/api/course/notes"),
    ("GET", "/api/course/page"),
    ("GET", "/api/course/pages"),
    ("GET", "/api/course/search"),
    ("PUT", "/api/course/again"),
    ("PUT", "/api/course/answer"),
    ("PUT", "/api/course/changed"),
    ("PUT", "/api/course/close"),
    ("PUT", "/api/course/code"),
    ("PUT", "/api/course/dismiss"),
    ("PUT", "/api/course/here"),
    ("PUT", "/api/course/idle"),
    ("PUT", "/api/course/interrupt"),
    ("PUT", "/api/course/merge"),
    ("PUT", "/api/course/merge/preview"),
    ("PUT", "/api/course/merge/undo"),
    ("PUT", "/api/course/note"),
    ("PUT", "/api/course/note/remove"),
    ("PUT", "/api/course/note/restore"),
    ("PUT", "/api/course/reset"),
    ("PUT", "/api/course/restore"),
    ("PUT", "/api/course/time"),
}
"""The course's own routes that need one."""

_EXAMPLES = {
    "/assets": "/assets/index-BcD.js",
    "/@file/{filename_and_length:path}": "/@file/0-empty.txt",
    "/public/{filepath:path}": "/public/a.txt",
    "/{path:path}": "/android-chrome-192x192.png",
    "/{name:path}": f"/{LESSON}",
    "/course/{name:path}": "/course/home.css",
}


def example(path: str) -> str:
    """Return an address that fits a route's path."""
    return _EXAMPLES.get(path, path)


def paths(routes: Iterable[tuple[str, str]], *but: str) -> list[str]:
    """Return an address of each path among routes, but for those whose method is one of `but`."""
    return sorted({example(path) for method, path in routes if method not in but})


def odd_forms(path: str) -> list[str]:
    """Return what an address is not, in the forms that somebody tries who looks for a way around a guard: as sent.

    `%2f` inside a path is not among them: the server reads it as a slash, before anything judges the address.
    """
    name = path.removeprefix("/")
    forms = [
        f"/{path}",
        f"//{path}",
        f"{path}/",
        f"{path}//",
        f"/.{path}",
        f"/x/..{path}",
        f"/%2e%2e{path}",
        f"/..{path}",
    ]
    forms += [
        f"/%2f{name}",
        f"/%5c{name}",
        f"/{name}%00",
        f"/%00{name}",
        f"/{name}%0a",
        f"/{name}%0d%0aX:%20y",
        f"/{name}%20",
    ]
    forms += [
        f"{path};a=b",
        f"{path}%3Ffile={LESSON}",
        f"{path}%23a",
        f"{path}/..",
        f"{path}/%2e%2e/%2e%2e/x",
        f"{path}.",
        f"{path}%2e",
    ]
    forms += [
        f"{path}%c3%a9",
        f"{path}%ff%fe",
        f"{path}%ed%a0%80",
        f"{path}{'a' * 5000}/",
        f"/lsp/pylsp{path}",
        f"/lsp/copilot/..{path}",
    ]
    forms += [f"/api/host{path}", f"http://evil.example{path}", f"//evil.example{path}", name or "*", f"/sub{path}"]
    upper = path.upper()
    return forms + ([upper] if upper != path and "." not in path else [])
