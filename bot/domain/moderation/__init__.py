"""What servers and the operator keep from being made: word lists, and members who are blocked."""
