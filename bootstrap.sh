#!/usr/bin/env bash
# Brings what apt and pip must bring, then runs the command it is given in the project's
# virtual environment. Everything is looked at on every call and done only where missing,
# so a second call costs a tenth of a second and needs no network.
#
# A finished environment carries a stamp, written last: what has none was interrupted, is
# not believed and is made anew. All messages go to standard error, so that the standard
# output is the command's own (`./bootstrap.sh lab demo --json > demo.json`).
set -euo pipefail

here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)
venv=$here/.venv
stamp=$venv/boxwright-stamp

usage() {
    cat <<'USAGE'
Usage: bootstrap.sh [--with vagrant] [--with browser] [--with site] [COMMAND [ARGUMENT...]]

Installs what Boxwright needs and is not there yet (Debian packages with apt, asking sudo
only then; Python packages into .venv beside this script), then runs COMMAND there.

  ./bootstrap.sh lab demo      build the lab VM and show the eight demonstrations in it
  ./bootstrap.sh pytest        run the tests
  ./bootstrap.sh lab --help    everything else that `lab` can do
  ./bootstrap.sh bash          a shell in the environment

Options:
  --with vagrant    also what `vagrant up` and `lab box` need (Vagrant, libvirt, GRUB)
  --with browser    also Chromium, in which tests look at the pages that are made here
  --with site       also what `lab site` makes the documentation of (some 75 MiB in .venv)
  -h, --help        show this text

Made for Debian 12, Debian 13 and Ubuntu 24.04 with Python 3.11 or newer. BOXWRIGHT_PYTHON
names the Python to use instead of the newest one that suits.
USAGE
}

say() { printf 'bootstrap: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# What apt must bring, one "package  what it is for" a line. Kernel headers and what builds
# the module and the workloads are not here: they live in the guest.
system_packages() {
    case $(uname -m) in
        x86_64) echo "qemu-system-x86 runs the lab VM" ;;
        aarch64) echo "qemu-system-arm runs the lab VM" ;;
        *) die "the lab VM needs an x86_64 or aarch64 host, and this one is $(uname -m)." ;;
    esac
    cat <<'PACKAGES'
qemu-utils      makes the VM's disk images
mmdebstrap      builds the VM's Debian
e2fsprogs       makes the VM's file system
openssh-client  makes keys and opens a shell in the VM
zstd            unpacks the drivers of newer guests
shellcheck      checks the shell scripts (tests)
gcc             compiles what the kernel monitor decides by, for its own tests
libc6-dev       headers for that
PACKAGES
    # As an ordinary user mmdebstrap works in a user namespace with a range of user ids.
    if [[ $EUID -ne 0 ]]; then
        echo "uidmap          lets an ordinary user build the VM's Debian"
    fi
}

# What `--with vagrant` adds. A Vagrant that its makers' own package or archive brought
# stays, and so does the way in which it takes plugins.
vagrant_packages() {
    if ! type -P vagrant >/dev/null; then
        echo "vagrant                starts the VM that a Vagrantfile describes"
        echo "vagrant-libvirt        its provider for libvirt"
    fi
    cat <<'PACKAGES'
libvirt-daemon-system  runs QEMU for Vagrant
libvirt-clients        looks into it (tests)
dnsmasq-base           gives the VM its address
iptables               lets the VM's network be its own
rsync                  brings a folder into the VM
grub-common            makes a box start by itself
grub-pc-bin            the part of that for a PC
PACKAGES
}

# What `--with browser` adds, where there is no Chromium or Chrome yet.
browser_packages() {
    local name
    for name in chromium chromium-browser google-chrome; do
        if type -P "$name" >/dev/null; then
            return
        fi
    done
    echo "chromium  shows the grader's pages (tests)"
}

# ---- Python ---------------------------------------------------------------------------

# Prints "executable<TAB>major.minor<TAB>yes|no (can make environments)" if $1 is a Python
# that suits. A name in PATH proves nothing: version managers put names there for versions
# that are not switched on.
probe_python() {
    "$1" -I -c '
import importlib.util, sys
if sys.version_info < (3, 11):
    sys.exit(1)
able = all(importlib.util.find_spec(name) for name in ("ensurepip", "venv"))
print(sys.executable, "%d.%d" % sys.version_info[:2], "yes" if able else "no", sep="\t")
' 2>/dev/null
}

# Sets python, python_version and python_package (what apt must bring for it; may be empty).
# Newest first; after 3.13 only where nothing else is there, because ansible-core 2.19 was
# released for Python 3.11 to 3.13.
choose_python() {
    local name path answer able
    local -a names=(python3.13 python3.12 python3.11 python3 python3.14 python3.15)
    if [[ -n ${BOXWRIGHT_PYTHON:-} ]]; then
        names=("$BOXWRIGHT_PYTHON")
    fi
    for name in "${names[@]}"; do
        while IFS= read -r path; do
            answer=$(probe_python "$path") || continue
            IFS=$'\t' read -r python python_version able <<<"$answer"
            python_package=
            if [[ $able == yes ]]; then
                return
            fi
            # Debian and Ubuntu keep ensurepip in a package of its own.
            if [[ $python == /usr/bin/* ]]; then
                python_package=python$python_version-venv
                return
            fi
        done < <(type -aP -- "$name" || true)
    done
    if [[ -n ${BOXWRIGHT_PYTHON:-} ]]; then
        die "BOXWRIGHT_PYTHON=$BOXWRIGHT_PYTHON is not a Python 3.11 or newer that can make environments; name another."
    fi
    die "Python 3.11 or newer is needed and none was found in PATH; install one (on Debian 12 and later and on Ubuntu 24.04: apt-get install python3)."
}

# ---- Debian packages ------------------------------------------------------------------

# Prints those lines of its input ("package  what for") whose package is not installed.
missing_packages() {
    local wanted names installed line
    wanted=$(cat)
    names=$(cut -d' ' -f1 <<<"$wanted")
    # shellcheck disable=SC2086 # names are words
    installed=$(LC_ALL=C dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $names 2>/dev/null || true)
    while IFS= read -r line; do
        [[ $'\n'$installed$'\n' == *$'\n'"ii  ${line%% *}"$'\n'* ]] || printf '%s\n' "$line"
    done <<<"$wanted"
}

install_packages() {
    local missing=$1 names
    names=$(cut -d' ' -f1 <<<"$missing" | tr '\n' ' ')
    names=${names% }
    say "these Debian packages are missing and will be installed:"
    printf '    %s\n' "${missing//$'\n'/$'\n    '}" >&2

    local -a as_root=(env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8)
    if [[ $EUID -ne 0 ]]; then
        local remedy="run this as root and then this script again: apt-get install --no-install-recommends $names"
        if ! type -P sudo >/dev/null; then
            die "installing them needs root and there is no sudo here; $remedy"
        fi
        say "sudo may ask for your password, to run apt-get."
        sudo -v || die "sudo did not let this user install them; $remedy"
        as_root=(sudo "${as_root[@]}")
    fi
    # Waits for another apt (a fresh Ubuntu updates itself) instead of failing.
    local -a apt=("${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
    # shellcheck disable=SC2206 # names are words
    local -a install=("${apt[@]}" install --no-install-recommends -y $names)
    # The lists are fetched only where they do not know a package, or are too old to fetch it.
    # shellcheck disable=SC2086
    if apt-get -qq --simulate install $names >/dev/null 2>&1 && "${install[@]}" >&2; then
        return
    fi
    say "fetching the lists of packages."
    "${apt[@]}" update >&2 || die "apt-get update failed; see the lines above, mend the host's package sources and run this again."
    local hint=
    if [[ " $names " == *" vagrant "* ]]; then
        hint=" Where apt does not know Vagrant, install it as its makers say, and then: vagrant plugin install vagrant-libvirt."
    elif [[ " $names " == *" chromium "* ]]; then
        hint=" Where apt does not know Chromium (Ubuntu), install Chromium or Chrome as their makers say."
    fi
    "${install[@]}" >&2 || die "apt-get could not install them; see the lines above.$hint"
}

# ---- the virtual environment ----------------------------------------------------------

inputs_hash() {
    cat -- "$here/requirements.lock" "$here/pyproject.toml" | sha256sum | cut -d' ' -f1
}

# What a finished environment says of itself: made for this folder (scripts in it hold its
# path) by a Python that is still the same, from these inputs.
environment_identity() {
    local version
    version=$("$venv/bin/python" -ISc 'import sys; print(sys.version)' 2>/dev/null) || return 1
    printf '%s\n%s\n' "$here" "$version"
}

stamp_text() {
    environment_identity && inputs_hash
}

environment_ready() {
    [[ -f $stamp ]] && [[ $(stamp_text) == "$(cat -- "$stamp")" ]]
}

make_environment() {
    local -a pip=("$venv/bin/python" -I -m pip --quiet --no-input --disable-pip-version-check)
    # A finished environment of older inputs is brought up to date; anything else goes.
    if [[ -f $stamp ]] && [[ $(environment_identity) == "$(head -n -1 -- "$stamp")" ]]; then
        say "bringing .venv up to date with requirements.lock."
        rm -- "$stamp"
    else
        say "making .venv with Python $python_version (about a minute)."
        rm -rf -- "$venv"
        "$python" -I -m venv -- "$venv" >&2 || die "could not make $venv; see the lines above."
    fi
    PIP_USER=0 "${pip[@]}" install --require-hashes --no-deps -r "$here/requirements.lock" >&2 ||
        die "pip could not install requirements.lock; see the lines above (network? disk space?) and run this again."
    PIP_USER=0 "${pip[@]}" install --no-build-isolation --no-deps --editable "$here" >&2 ||
        die "pip could not install the project itself; see the lines above."
    stamp_text >"$stamp.new"
    sync -- "$stamp.new"
    mv -- "$stamp.new" "$stamp"
}

# `lab site` has a lock of its own, held to the versions of the other; the stamp names both.
site_ready() {
    [[ -f $stamp-site ]] && [[ $(site_stamp_text) == "$(cat -- "$stamp-site")" ]]
}

site_stamp_text() {
    inputs_hash && sha256sum <"$here/requirements-site.lock"
}

add_site() {
    say "bringing what \`lab site\` needs."
    PIP_USER=0 "$venv/bin/python" -I -m pip --quiet --no-input --disable-pip-version-check \
        install --require-hashes --no-deps -r "$here/requirements-site.lock" >&2 ||
        die "pip could not install requirements-site.lock; see the lines above (network? disk space?) and run this again."
    site_stamp_text >"$stamp-site.new"
    mv -- "$stamp-site.new" "$stamp-site"
}

# ---- main -----------------------------------------------------------------------------

with_vagrant=no with_browser=no with_site=no
while [[ ${1:-} == -* ]]; do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        --with)
            case ${2:-} in
                vagrant) with_vagrant=yes ;;
                browser) with_browser=yes ;;
                site) with_site=yes ;;
                *) die "--with takes \`vagrant\`, \`browser\` or \`site\`, and got ${2:-nothing}; see ./bootstrap.sh --help" ;;
            esac
            shift 2
            ;;
        *)
            die "unknown option $1; see ./bootstrap.sh --help"
            ;;
    esac
done

if ! type -P apt-get >/dev/null || ! type -P dpkg-query >/dev/null; then
    die "this host has no apt, with which Boxwright installs QEMU and its tools; use Debian 12, Debian 13 or Ubuntu 24.04 (a VM will do)."
fi

wanted=$(system_packages)
if [[ $with_vagrant == yes ]]; then
    wanted+=$'\n'$(vagrant_packages)
fi
if [[ $with_browser == yes ]]; then
    wanted+=$'\n'$(browser_packages)
fi
python='' python_version='' python_package=''
if ! environment_ready || [[ -n $(missing_packages <<<"$wanted") ]] || { [[ $with_site == yes ]] && ! site_ready; }; then
    # One installation at a time for a checkout. The folder itself is the lock: nothing is
    # left behind, and the kernel lets go of it however this ends.
    exec 9<"$here"
    if ! flock --nonblock 9; then
        say "another bootstrap.sh is at work in $here; waiting for it."
        flock 9
    fi
    if ! environment_ready; then
        choose_python
        if [[ -n $python_package ]]; then
            wanted+=$'\n'"$python_package makes .venv"
        fi
    fi
    missing=$(missing_packages <<<"$wanted")
    if [[ -n $missing ]]; then
        install_packages "$missing"
    fi
    if [[ -n $python ]]; then
        make_environment
    fi
    if [[ $with_site == yes ]] && ! site_ready; then
        add_site
    fi
    exec 9<&-
fi

if [[ $# -eq 0 ]]; then
    say "everything is in place. Next: ./bootstrap.sh lab demo, ./bootstrap.sh pytest, or ./bootstrap.sh --help"
    exit 0
fi

unset PYTHONHOME
export VIRTUAL_ENV=$venv
export PATH=$venv/bin:$PATH
type -P -- "$1" >/dev/null || {
    say "no command $1 in .venv or PATH; see ./bootstrap.sh --help"
    exit 127
}
exec -- "$@"
