"""How gunicorn serves NetBox here; loaded once, then two workers share what was loaded."""

from __future__ import annotations

import json
import os
from typing import Any

bind = f"fd://{os.environ['RACKPROOF_LISTENER']}"
wsgi_app = "application:application"
preload_app = True
workers = 2
timeout = 300


def when_ready(_server: Any) -> None:
    """Make today's administrator and API token, and tell them to whoever started this: NetBox is ready then."""
    from django.contrib.auth import get_user_model
    from django.db import connections
    from users.models import Token

    password = Token.generate()
    user = get_user_model().objects.create_superuser("admin", "admin@rackproof.invalid", password)
    token = Token(user=user)
    token.save()
    connections.close_all()  # the workers are forked after this and take connections of their own
    with os.fdopen(int(os.environ["RACKPROOF_READY"]), "w") as ready:
        json.dump({"user": "admin", "password": password, "token": f"nbt_{token.key}.{token.token}"}, ready)
