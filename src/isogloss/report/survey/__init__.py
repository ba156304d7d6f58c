"""The page of a literature survey, made from its coverage record alone."""
