"""What stays when a class has been graded: results with their history, marks, the roster, and exports.

`store` keeps it in one file; `roster` and `matching` say whose a submission is; `marks` turns a result
into a mark; `ledger` puts these together, a row a submission; `export/` writes the rows in the formats
of others. Nothing here runs a check or touches a machine.
"""
