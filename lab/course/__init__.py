"""A course: what an instructor chose of the exercises, and what students and graders are given of it."""
