"""The frame rate of clips whose data set keeps the videos' own rates."""

DEFAULT_FPS = 16.0  # of ours only the header says it; of the others x264's and x265's rate control looks at it
