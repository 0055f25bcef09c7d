"""Programs that an experiment runs in the guest, standard library only; each measures one repetition.

Each takes one argument, JSON, which its `main` explains. They are sent as the package that
they are here, with those parts of `lab.demo.guest` that they use.
"""
