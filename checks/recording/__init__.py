"""testinfra through a recording: asked once while collecting, judged from the tape alone."""
