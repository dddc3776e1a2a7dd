"""Router configurations from the estate: rendered, compared, applied behind a rollback that the device fires itself."""
