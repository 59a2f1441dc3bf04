"""Takes the pictures in `docs/pictures`: `make pictures`, or `ARGS="cards gallery page"`."""
