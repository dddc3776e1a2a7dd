"""Where NetBox looks for its settings."""
