"""The commands of `rackproof checks`, `evidence` and `report`."""
