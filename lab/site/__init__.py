"""What people read: one site of the guides, the contract and the READMEs, and a guide as one page.

Nothing is written twice: `pages.py` lists which file of the checkout stands where, `gather.py`
brings them together, `build.py` has Zensical make pages of them, and `serve.py` shows those on
this host. `single.py` needs none of that: it makes one page of one guide, for `lab guide --web`.
"""
