"""Plan numbers of the IPv6 plan: the append-only ledger of those given and retired, and those that are free."""
