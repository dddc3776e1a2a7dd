"""Device profiles: which object of which kind of device means what, as data."""
