"""Lets chaos tests share rendered clips with the other tests."""

from tests.harness.drawing import drawn_once as drawn_once
