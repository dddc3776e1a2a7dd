"""The change of one router behind a rollback that it fires itself: plan, guard, session, observations."""
