"""Builds the image and runs the bot in it against the sandbox (`make image-test`).

`engines` has what Docker, podman and buildah do, `compose_options` how compose.yaml runs the
image, and `image_checks` and `bot_checks` what is looked at. Nothing here is run by pytest.
"""
