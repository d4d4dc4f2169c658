"""The command `asemacro`: thin verbs over the functions that scripts call."""
