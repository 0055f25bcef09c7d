"""The checks of this host, in the order in which they are shown: from Python up to Vagrant."""

from __future__ import annotations

from lab.console import Progress
from lab.doctor import building, downloads, leftovers, programs, resources, vagrant, virtualization
from lab.doctor.finding import Check


def checks(progress: Progress, suite: str | None = None) -> list[Check]:
    """All of them.

    Args:
        progress: told when KVM has to be proved.
        suite: the release of the guest that is to be built; the default one where none is named.
    """
    return [
        Check("python", programs.python),
        Check("venv", programs.venv),
        Check("dependencies", programs.dependencies),
        Check("qemu", virtualization.qemu),
        Check("kvm", lambda: virtualization.kvm(progress), may_take_long=True),
        Check("cpus", resources.cpus),
        Check("memory", resources.memory),
        Check("disk", resources.disk),
        Check("limits", resources.limits),
        Check("ports", resources.ports),
        Check("clock", programs.clock),
        Check("folders", resources.folders),
        Check("ssh", programs.ssh),
        Check("build-tools", building.build_tools),
        Check("mmdebstrap", building.mmdebstrap),
        Check("namespaces", building.namespaces),
        Check("subordinate-ids", building.subordinate_ids),
        Check("keyring", lambda: downloads.keyring(suite)),
        Check("mirror", lambda: downloads.reachable(suite), may_take_long=True),
        Check("alpine", downloads.alpine_source, may_take_long=True),
        Check("machines", leftovers.machines),
        Check("builds", leftovers.builds),
        Check("vagrant", vagrant.vagrant),
    ]
