"""NetBox's settings here: nothing leaves its namespaces, and nothing outlives them, keys included."""

from __future__ import annotations

import secrets

ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
DATABASES = {"default": {"NAME": "netbox", "USER": "postgres", "HOST": "/run/postgresql", "CONN_MAX_AGE": 300}}
REDIS = {part: {"URL": "unix:///run/valkey.sock"} for part in ("tasks", "caching")}
SECRET_KEY = secrets.token_urlsafe(48)
API_TOKEN_PEPPERS = {1: secrets.token_urlsafe(48)}
CENSUS_REPORTING_ENABLED = False
RELEASE_CHECK_URL = None
MAX_PAGE_SIZE = 1000
CHANGELOG_RETENTION = 1
