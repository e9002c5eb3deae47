"""The turn, and everything that meets the world: API, commands, wiring."""
