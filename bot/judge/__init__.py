"""Jobs that wait for a judgement, those of direct messages too, from the terminal."""
