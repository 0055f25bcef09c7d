"""A student's workspace: made from the exercises, recognised by its boxwright.toml, and never trusted."""
