"""The ground floor: errors with a place and a remedy, the workspace, the journal, the store, the console."""
