"""Where bytes meet the core: the listening side and the side towards providers."""
