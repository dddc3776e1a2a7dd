"""The commands of `rackproof net`."""
