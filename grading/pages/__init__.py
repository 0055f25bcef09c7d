"""The pages that are left of a graded class: one for the instructor, one for each submission.

`write.write_report` makes the folder; `render` makes single pages. What comes from
submissions is hostile and goes through `text` before a template sees it.
"""
