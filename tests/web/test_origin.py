"""Every page, feed and embed says that a clip was made with AI and by which model."""
