"""The embedded lab: the small estate on one machine, with real systemd hosts, real routers and real SNMP agents."""
