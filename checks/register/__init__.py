"""The register of requirements, and what it may name: collectors, judges, services."""
