"""What a fit is told beside the frames: flow between them, and what they are compared by. No file has any of it."""
