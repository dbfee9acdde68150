"""Contact sheets: evenly spaced frames of jobs or videos in one picture, each with its index, time, return and step."""
