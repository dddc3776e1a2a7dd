"""Evidence bundles: everything a verdict stands on, under one signed manifest, written whole or not at all."""
