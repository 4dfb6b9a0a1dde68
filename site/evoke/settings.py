"""Settings: the environment over defaults safe for a fresh clone. A bad value stops the start with one sentence.

Every variable is in the table of site/docs/operating.md (a test holds the two together).
"""

import sys
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from evoke import embedded

env = environ.Env()
PACKAGE_DIR = Path(__file__).resolve().parent
BASE_DIR = PACKAGE_DIR.parent.parent  # the checkout; in a wheel templates and static lie inside the package


def _folder(name: str) -> Path:
    """A folder of the top level in a checkout, or its copy inside an installed wheel."""
    checkout = BASE_DIR / name
    return checkout if (BASE_DIR / "manage.py").is_file() else PACKAGE_DIR / name


def _database() -> dict:
    """The server named by DATABASE_URL, else the embedded PostgreSQL, started by the first connection."""
    pool = {"min_size": 0, "max_size": 8, "timeout": 10}
    if "DATABASE_URL" not in env.ENVIRON:
        return {"ENGINE": "evoke.postgresql", "NAME": "evoke", "EMBEDDED": str(VAR), "OPTIONS": {"pool": pool}}
    database = env.db_url("DATABASE_URL")
    if not database["ENGINE"].endswith("postgresql"):
        raise ImproperlyConfigured(
            "DATABASE_URL must name a PostgreSQL server, such as postgres://user:word@host/evoke."
        )
    return {**database, "OPTIONS": {**database.get("OPTIONS", {}), "pool": pool}}


def _storages() -> dict:
    """Renditions may be read by everybody; originals (which may hold GPS) are never served, exports to their owner."""
    url = env.str("STORAGE_URL", default="")
    files: dict[str, dict]
    if not url:
        backend = "django.core.files.storage.FileSystemStorage"
        files = {
            "default": {"BACKEND": backend, "OPTIONS": {"location": MEDIA_ROOT, "base_url": MEDIA_URL}},
            "originals": {"BACKEND": backend, "OPTIONS": {"location": VAR / "originals", "base_url": None}},
            "private": {"BACKEND": backend, "OPTIONS": {"location": VAR / "exports", "base_url": None}},
        }
    elif url.startswith("s3://"):
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        s3 = {"bucket_name": bucket, "file_overwrite": True}
        files = {
            name: {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {**s3, "location": f"{prefix}{folder}"}}
            for name, folder in (("default", "renditions"), ("originals", "originals"), ("private", "exports"))
        }
    else:
        raise ImproperlyConfigured("STORAGE_URL must be s3://bucket/prefix, or unset for a folder.")
    return {**files, "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"}}


def _whole(name: str, default: int, least: int, most: int) -> int:
    """A whole number of the environment within bounds."""
    text = env.str(name, default=str(default))
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}, not {text!r}.")
    return int(text)


def _help_address() -> str:
    """Where the help line leads: a page by https or a telephone number."""
    address = env.str("EVOKE_HELP_URL", default="").strip()
    if address and not address.startswith(("https://", "tel:")):
        raise ImproperlyConfigured("EVOKE_HELP_URL must begin with https:// or tel:, or be unset.")
    return address


try:
    VAR = embedded.data_folder()
    SECRET_KEY = env.str("SECRET_KEY", default="") or embedded.secret("django")
except embedded.EmbeddedError as error:
    sys.exit(str(error))

DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
HTTPS = env.bool("EVOKE_HTTPS", default=False)  # set it where visitors come by https

INSTALLED_APPS = [
    "accounts.admin_app.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "django_celery_beat",
    "evoke",
    "accounts",
    "ml",
    "gallery",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.VisitorMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "evoke.urls"
WSGI_APPLICATION = "evoke.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_folder("templates")],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.looks",
            ]
        },
    }
]

DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# Accounts. An address and a password, or a passkey; the code that proves an address is typed, no link is followed.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "account_login", "home", "home"
ACCOUNT_ADAPTER, MFA_ADAPTER = "accounts.adapters.AccountAdapter", "accounts.adapters.MFAAdapter"
ACCOUNT_LOGIN_METHODS = {"email", "username"}  # nobody is asked for a user name: accounts made at the terminal have one
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_FORMS = {"login": "accounts.forms.LoginForm"}
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 900  # seconds: mail may take a while
ACCOUNT_CHANGE_EMAIL = ACCOUNT_SESSION_REMEMBER = ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Evoke: "
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = MFA_PASSKEY_SIGNUP_ENABLED = True
MFA_TOTP_ISSUER = "Evoke"
MFA_TOTP_TOLERANCE = 1  # half a minute early or late
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # localhost; browsers offer passkeys nowhere else without https

# Without EMAIL_URL nothing is sent: each mail is a file under mail/ in the data folder, and the pages say so.
SENDS_MAIL = bool(env.str("EMAIL_URL", default=""))
vars().update(env.email_url_config(env.str("EMAIL_URL")) if SENDS_MAIL else {})
if not SENDS_MAIL:
    EMAIL_BACKEND, EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", str(VAR / "mail")
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Evoke <evoke@localhost>")

# Counts of attempts are shared by all processes.
CACHES = {"default": env.cache_url("CACHE_URL", default="dbcache://evoke_cache")}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [_folder("static")]
STATIC_ROOT = VAR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise asks for it even where nothing is collected
# Without a collected copy (a laptop, a test) whitenoise finds the files where they are, once, at start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600
MEDIA_URL = "/media/"
MEDIA_ROOT = VAR / "media"
STORAGES = _storages()
NETWORKS_DIR = VAR / "networks"
RUNS_DIR = VAR / "runs"  # checkpoints and curves of trainings from the command line
SHORTLIST_DIR = VAR / "shortlist"

SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 63_072_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"  # nobody else learns where somebody came from
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://")
if CELERY_BROKER_URL == "filesystem://":
    _queue = VAR / "queue"
    for _name in ("messages", "control"):
        (_queue / _name).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue / "messages"),
        "data_folder_out": str(_queue / "messages"),
        "control_folder": str(_queue / "control"),
        "polling_interval": 0.05,
    }
elif CELERY_BROKER_URL.partition("://")[0] not in ("redis", "rediss", "amqp", "amqps", "pyamqp", "memory"):
    raise ImproperlyConfigured(
        "CELERY_BROKER_URL must be redis://host/0, amqp://user:word@host// or unset for a folder."
    )
CELERY_TASK_IGNORE_RESULT = True
# Rows hold the truth (leases, advisory locks): a message that comes twice, or an hour late, does no harm.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False  # a broker's restart is no reason to stop work
# Seconds, where the pool can enforce them (prefork). What is cut off goes on with beat's next message.
CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = 3600, 3660
_LONG = {"soft_time_limit": 6 * 3600, "time_limit": 6 * 3600 + 60}
TRAINING_HOURS = _whole("EVOKE_TRAINING_HOURS", 72, 1, 10_000)  # then its process is ended, in any pool
CELERY_TASK_ANNOTATIONS = {
    "gallery.tasks.score_pending": _LONG,
    "ml.tasks.verify": _LONG,
    "ml.tasks.train": {"soft_time_limit": None, "time_limit": TRAINING_HOURS * 3600 + 600},
}
CELERY_TASK_DEFAULT_QUEUE = "web"
CELERY_TASK_ROUTES = {
    "gallery.tasks.score_pending": {"queue": "score"},
    "gallery.tasks.recheck_sources": {"queue": "crawl"},
    "gallery.tasks.crawl_on": {"queue": "crawl"},
    "gallery.tasks.render_pending": {"queue": "crawl"},
    "ml.tasks.verify": {"queue": "score"},
    "ml.tasks.judge": {"queue": "score"},
    "ml.tasks.train": {"queue": "train"},
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "score what waits": {"task": "gallery.tasks.score_pending", "schedule": 20.0, "options": {"expires": 20}},
    "go on with crawls": {"task": "gallery.tasks.crawl_on", "schedule": 15.0, "options": {"expires": 15}},
    "show what crawls stored": {"task": "gallery.tasks.render_pending", "schedule": 20.0, "options": {"expires": 20}},
    "look again at near-duplicates": {"task": "gallery.tasks.confirm_duplicates", "schedule": 86_400.0},
    "write exports": {"task": "accounts.tasks.take_up_exports", "schedule": 60.0, "options": {"expires": 60}},
    "delete exports and accounts": {"task": "accounts.tasks.purge", "schedule": 3600.0, "options": {"expires": 3600}},
    "delete what was removed": {"task": "gallery.tasks.purge_removed", "schedule": 86_400.0},
    "look for photographs at their sources": {
        "task": "gallery.tasks.recheck_sources",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "take up waiting training runs": {"task": "ml.tasks.sweep", "schedule": 15.0, "options": {"expires": 15}},
    "do what the plan says": {"task": "ml.tasks.keep_plan", "schedule": 600.0, "options": {"expires": 600}},
}

FLICKR_API_URL = env.str("FLICKR_API_URL", default="https://api.flickr.com/services/rest/")
FLICKR_API_KEYS: list[str] = env.list("FLICKR_API_KEYS", default=[])
OPENVERSE_API_URL = env.str("OPENVERSE_API_URL", default="https://api.openverse.org")
# Networks (CIDR) that fetching may reach although they are not public: empty but for tests on 127.0.0.1.
EVOKE_FETCH_ALLOW: list[str] = env.list("EVOKE_FETCH_ALLOW", default=[])
EVOKE_FETCH_A_HOST = _whole("EVOKE_FETCH_A_HOST", 4, 1, 32)  # photographs taken from one host at a time, by a process

# The line at the foot of Sad, Fear and Solitude; none is shown until it is set.
HELP_TEXT, HELP_URL = env.str("EVOKE_HELP_TEXT", default="").strip(), _help_address()

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"without paths": {"()": "accounts.logs.WithoutPaths"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["without paths"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"httpx": {"level": "WARNING"}},
}
