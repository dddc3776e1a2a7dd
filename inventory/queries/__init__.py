"""Questions to a loaded estate: addresses, names, tables for people, and where a value comes from."""
