"""Two ways of doing one thing, measured side by side on this machine."""
