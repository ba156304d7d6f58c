"""What to change: a gate that reads one hidden state, a routed intervention, and the artifact that holds both.

Needs torch; import the modules by name, such as `isogloss.repair.fit`.
"""
