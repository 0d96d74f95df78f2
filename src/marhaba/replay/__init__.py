"""A recorded day again: decided anew event by event, and simulated under other circumstances."""
