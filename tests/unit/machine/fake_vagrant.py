"""A stand-in for the program `vagrant`: it says what Vagrant 2.3 says, and starts nothing.

State is in files of the Vagrantfile's folder: `calls` (what it was asked, a line each),
`ssh-config` (what it answers), `fail` (then it fails with these words), and Vagrant's own
`.vagrant/machines/default/fake/id`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

PROGRAM = r"""#!/bin/sh
cd "${VAGRANT_CWD:-.}" || exit 95
echo "$*" >> calls
[ -t 0 ] || [ -t 1 ] && exit 98
case "$1" in --machine-readable) machine=1; shift ;; --no-color) [ "$2" = --no-tty ] || exit 97; shift 2 ;; esac
if [ -e fail ]; then
    if [ -n "$machine" ]; then
        printf '17000,,ui,error,%s\n' "$(cat fail)"
        printf '17000,,error-exit,Vagrant::Errors::Some,%s\n' "$(sed 's/,/%!(VAGRANT_COMMA)/g' fail)"
    else
        printf '==> default: Doing it\n    default: a detail\n'
        cat fail >&2
    fi
    exit 1
fi
id=.vagrant/machines/default/fake/id
case "$1 $2" in
    "up ") mkdir -p "${id%/id}"; [ -s $id ] || echo "id-$(cat .made 2>/dev/null)" > $id
           echo x >> .made
           printf 'Bringing machine up\n==> default: Importing\n'
           printf '    default: Progress: 10%%\r    default: Progress: 20%%\n' ;;
    "destroy --force") rm -f $id; rm -rf snapshots ;;
    "halt "|"halt --force") ;;
    "ssh-config ") printf '17000,default,metadata,provider,fake\n'
           printf '17000,default,ssh-config,%s\n' \
               "$(sed 's/,/%!(VAGRANT_COMMA)/g' ssh-config | sed ':a;N;$!ba;s/\n/\\n/g')"
           cat ssh-config ;;
    "status ") printf '17000,default,provider-name,fake\n'
           printf '17000,default,state,%s\n' "$(cat state 2>/dev/null || echo running)" ;;
    "snapshot save") mkdir -p snapshots; touch "snapshots/$4" ;;
    "snapshot restore") [ -e "snapshots/$4" ] || { echo "The snapshot name \`$4\` was not found." >&2; exit 1; } ;;
    "snapshot list") echo "warning: something of Ruby's, 1,2,3" >&2
           if [ -d snapshots ]; then
               printf '17000,default,ui,output,==> default: \n'
               for name in snapshots/*; do printf '17000,,ui,detail,%s\n' "${name#*/}"; done
           else
               printf '17000,default,ui,output,==> default: No snapshots have been taken yet!\n'
               printf '17000,default,ui,detail,    default: You can take a snapshot\n'
           fi ;;
    *) echo "fake vagrant does not know: $*" >&2; exit 96 ;;
esac
"""


class FakeVagrant:
    """The stand-in, and the folder of its Vagrantfile."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "bin"
        self.folder = folder / "a vagrant folder"
        self.programs.mkdir(parents=True)
        self.folder.mkdir()
        (self.folder / "Vagrantfile").touch()
        program = self.programs / "vagrant"
        program.write_text(PROGRAM)
        program.chmod(0o755)

    @property
    def search_path(self) -> str:
        """A PATH on which it is the only vagrant."""
        tools = {Path(found).parent for name in ("sh", "setpriv", "timeout") if (found := shutil.which(name))}
        return ":".join(map(str, [self.programs, *sorted(tools), Path(sys.executable).parent]))

    def calls(self) -> list[str]:
        """What it was asked since the last time this was asked."""
        file = self.folder / "calls"
        found = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return found

    def is_at(self, host: str, port: int, user: str, key: Path) -> None:
        """Where it says that its machine is."""
        (self.folder / "ssh-config").write_text(
            f"Host default\n  HostName {host}\n  User {user}\n  Port {port}\n  UserKnownHostsFile /dev/null\n"
            f'  StrictHostKeyChecking no\n  PasswordAuthentication no\n  IdentityFile "/nowhere, really/key"\n'
            f'  IdentityFile "{key}"\n  IdentitiesOnly yes\n  LogLevel FATAL\n\n'
        )

    def fails(self, words: str | None) -> None:
        """Let every call fail with these words, or none any more."""
        if words is None:
            (self.folder / "fail").unlink()
        else:
            (self.folder / "fail").write_text(words + "\n")
