"""The web server as visitors, programs and attackers use it."""
