@classmethod
def find(cls, tag: str) -> Cgroups | None:
    """Those of this machine; None where cgroup v2 is not mounted (/proc/self/mountinfo), or cannot be written.

    cls(root, tag) makes the folder for ours, where cgroup v2 is mounted.
    """
    # Until you do, there are none.
    return None

def create(self, identifier: str) -> Cgroup:
    """A new cgroup in self._folder, for a container of this id: Cgroup(path) makes it.

    Its name holds self._tag between two dashes, so that _sweep finds it, and a number
    (self._count), so that it is new.

    Raises:
        OSError: the kernel refused.
    """
    raise NotImplementedError

def _enable(self, root: Path, controller: str) -> bool:
    """Switch a controller on for the cgroups in `root` and in self._folder (cgroup.subtree_control).

    False where the kernel has not got it, or it is cgroup v1's.
    """
    return False
