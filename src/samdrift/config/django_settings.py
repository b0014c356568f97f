"""Django's settings, made from the typed ones. Nothing else in the project reads the environment."""

from __future__ import annotations

import os
import warnings

from samdrift.config import own_log
from samdrift.config.settings import CONTENT, Mode, database, mail, read_settings

# numba looks for a writable cache folder while it is being imported; the data folder is the one place that is ours.
SAMDRIFT = read_settings(os.environ)
SAMDRIFT_CONTENT = CONTENT
os.environ.setdefault("NUMBA_CACHE_DIR", str(SAMDRIFT.data / "numba"))

# Django 6 will make https the scheme that forms.URLField assumes; allauth has not caught up with the warning.
warnings.filterwarnings("ignore", message="The default scheme will be changed", category=DeprecationWarning)

own_log.configure()

SECRET_KEY = SAMDRIFT.secret_key
DEBUG = False
ALLOWED_HOSTS = list(SAMDRIFT.allowed_hosts)
ROOT_URLCONF = "samdrift.config.urls"
WSGI_APPLICATION = "samdrift.config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "samdrift.web",  # before allauth, whose templates it overrides
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "samdrift.foundation",
    "samdrift.federation",
    "samdrift.catalogue",
    "samdrift.support",
    "samdrift.soc",
    "samdrift.processes",
    "samdrift.api",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "samdrift.web.middleware.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "samdrift.web.middleware.ChosenLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "samdrift.web.middleware.NothingHidden",
    "samdrift.web.middleware.NoNul",
    "allauth.account.middleware.AccountMiddleware",
    "samdrift.web.middleware.ActingAs",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "samdrift.web.context.frame",
            ],
        },
    },
]

DATABASES = {"default": database(SAMDRIFT.database_url)}

# Identity and login.
AUTH_USER_MODEL = "federation.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "samdrift.web.login.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # its mail invites to sign up, which nobody can
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Samdrift"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "samdrift.web.errors.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = SAMDRIFT.https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SAMDRIFT.https else None
SECURE_HSTS_SECONDS = 31_536_000 if SAMDRIFT.https else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Words and time.
LANGUAGE_CODE = "da"
LANGUAGES = [("da", "Dansk"), ("en", "English")]
LOCALE_PATHS = [str(CONTENT.parent / "src" / "samdrift" / "locale")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Copenhagen"
FORMAT_MODULE_PATH = ["samdrift.config.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = SAMDRIFT.data / "static"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": SAMDRIFT.data / "files"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = SAMDRIFT.mode is Mode.LOCAL

globals().update(mail(SAMDRIFT.smtp_url))  # EMAIL_BACKEND, EMAIL_HOST …
# Counts failed log-ins, for all web processes of all machines.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "login_attempts"}}
EMAIL_FILE_PATH = str(SAMDRIFT.data / "mail")
DEFAULT_FROM_EMAIL = SAMDRIFT.mail_from

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}

SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"] if not SAMDRIFT.https else []
