"""The door: parses, resolves names to objects, calls one function, prints."""
