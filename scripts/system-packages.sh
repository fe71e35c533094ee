#!/bin/sh
# Afterwards the Debian packages that the product, its sample organisation and its tests need are installed.
# Installs only what is missing, and starts no daemon: the sample and the tests run their own servers.
# A Samba that it installs is no file server of this machine: it is not started at the next boot either.
set -eu

PACKAGES="slapd slapd-contrib ldap-utils postgresql-15 chromium fonts-noto-cjk \
fonts-ipamj-mincho libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
samba samba-ad-provision samba-dsdb-modules samba-vfs-modules python3-samba 389-ds-base softhsm2 faketime"
POLICY=/usr/sbin/policy-rc.d

missing_packages() {
    for package in $PACKAGES; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
    done
    command -v python3 >/dev/null || echo python3
    # Debian's python3 comes without what `python3 -m venv` needs; a Python installed another way has it.
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    # The tests' OpenID provider runs on Node.js (18 as in Debian 12, or 20), which may have come another way.
    command -v node >/dev/null || echo nodejs
    command -v npm >/dev/null || echo npm
}

if ! command -v dpkg-query >/dev/null; then
    echo "setup: this is not a Debian system. Install what these Debian packages hold: $PACKAGES python3-venv nodejs npm" >&2
    exit 1
fi
missing=$(missing_packages | tr '\n' ' ')
[ -n "$missing" ] || exit 0

as_root() { "$@"; }
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: Debian packages are missing, and installing them needs root. Run as root:" >&2
        echo "    apt-get update && apt-get install --no-install-recommends $missing" >&2
        exit 1
    fi
    as_root() { sudo "$@"; }
fi

echo "setup: installing $missing" >&2
if [ ! -e "$POLICY" ]; then
    trap 'as_root rm -f "$POLICY"' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
fi
as_root apt-get -o DPkg::Lock::Timeout=600 -q update
# $missing is a list of words on purpose.
as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=600 -q -y --no-install-recommends install $missing

case " $missing" in
    *" samba "*)
        for daemon in smbd nmbd samba-ad-dc; do
            as_root update-rc.d "$daemon" disable
        done
        ;;
esac
