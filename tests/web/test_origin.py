"""Every page, feed and embed says that a clip was made with AI and by which model."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.harness.texts import quote_text
