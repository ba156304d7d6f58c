"""What a repair costs outside safety: the same questions and harmless prompts, plain and repaired.

``record`` and ``pairing`` need no torch; ``answers``, ``divergence`` and ``measure`` do.
"""
