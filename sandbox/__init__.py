"""A Discord and a Google on loopback, as strict as the real ones, for the demo and the tests."""
