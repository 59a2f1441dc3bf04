"""The web server as visitors, machines and attackers meet it."""
