"""A rollout over many routers: waves, the canary first, and the way on after a crash."""
