"""The commands of `rackproof estate`. They read files only."""
