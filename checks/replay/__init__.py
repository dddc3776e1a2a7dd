"""testinfra through a recording: asked once while collecting, judged from that alone."""
