"""What proposes candidates: searches of one shape, whose experiments the engine lays side by side."""
