"""What people look at: findings about a runbook, a run as it happens, and what it came to."""
