"""The numbers and lists of the house rules; none is raised or extended without its reason beside it."""

from __future__ import annotations

FILE_LINES = 500  # beyond this a file holds two nouns
FUNCTION_LINES = 60  # fits a screen
GENERATED = "src/roadworthy/migrations/versions/"  # a list of tables, written by scripts/make_migration.py
TEST_FILE_LINES = 800  # one promise after another, read by search rather than from the top

# A path and its own limit, for files that have to be shorter than the rule.
TIGHTER_FILES = {
    "src/roadworthy/gateway/pipeline.py": 150,  # every call runs it: it stays one readable page and a half
}

# A path and the reason why it may be longer. Empty is best.
LONGER_FILES: dict[str, str] = {}

# `path::function` and the reason why it may be longer. Empty is best.
LONGER_FUNCTIONS: dict[str, str] = {}

# Names that say nothing about what a file holds.
BANNED_STEMS = frozenset(
    {
        "service",
        "services",
        "utils",
        "util",
        "helpers",
        "helper",
        "common",
        "base",
        "types",
        "manager",
        "misc",
    }
)

# `models.py` means tables elsewhere and language models here: only the slice of that name may have one.
MODELS_FILE_HOME = "src/roadworthy/models/"

# Words that promise work instead of doing it. Split here so that this file does not contain them.
BANNED_WORDS = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "place" + "holder", "not " + "implemented")

# A kind of file and the reason why a banned word stands there in its ordinary sense.
BANNED_WORDS_ALLOWED = {
    ".html": "the hint in an empty field is an attribute of that name",
    ".css": "the hint in an empty field is styled by that name",
    ".lock": "written by a program",
}

# The one module that reads the wall clock.
CLOCK_HOME = "src/roadworthy/foundation/clock.py"

# `path` and the reason why it reads the wall clock itself. Monotonic clocks are free: they measure, they do
# not date.
CLOCK_ALLOWED: dict[str, str] = {}

# Calls that read the wall clock, by the names they go under after import.
WALL_CLOCK_CALLS = frozenset(
    {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "date.today",
        "datetime.date.today",
        "time.time",
        "time.time_ns",
        "time.localtime",
        "time.gmtime",
    }
)

# Hosts of package registries and their mirrors: where a package comes from is the machine's affair.
REGISTRY_HOSTS = (
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "registry." + "yarnpkg",
    "crates" + ".io",
    "proxy.golang" + ".org",
    "deb.debian" + ".org",
)

# What a module that calls itself pure may not reach, directly or through others.
IMPURE_PACKAGES = ("sqlalchemy", "fastapi", "starlette", "uvicorn", "httpx2", "jinja2", "psycopg", "socket")
IMPURE_MODULES = (
    "roadworthy.foundation.clock",
    "roadworthy.foundation.storage",
    "roadworthy.settings",
)

# `module` and the reason why it is pure although it reaches one of them. Empty is best.
PURE_ALLOWED: dict[str, str] = {}
