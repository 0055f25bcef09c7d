# Remove our socket from the folder. By now another supervisor's may lie there: compare device
# and inode with those that ours had (self._identity).
#
# In:  self._path.
# Out: nothing; that it is gone already is no failure.
#
# Until you do, it stays.
