"""NetBox with its own style sheets and pictures: no other web server stands in front of it here."""

from __future__ import annotations

from django.contrib.staticfiles.handlers import StaticFilesHandler
from netbox.wsgi import application as netbox

application = StaticFilesHandler(netbox)
