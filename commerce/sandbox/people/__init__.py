"""The page for people at /_sandbox/: what is in the sandbox, and what can be done to it by hand."""
