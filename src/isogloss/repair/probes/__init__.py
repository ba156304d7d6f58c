"""Other ways of telling harmful prompts from harmless ones in the same hidden states: what a gate is compared with."""
