"""Rate limiters: when a call may be sent."""
