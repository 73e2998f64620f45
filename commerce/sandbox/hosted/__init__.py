"""The payment page that a session's `url` opens."""
