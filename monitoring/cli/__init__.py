"""The commands of `rackproof monitor`."""
