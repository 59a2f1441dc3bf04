"""The use cases, over ports: what members and admins can do, told without Discord or Google."""
