"""What happens per language: runs a plan, judges the replies and scores them. Behaviour only."""
