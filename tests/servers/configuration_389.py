"""How an instance of 389 Directory Server is made without `dscreate`, which insists on the system's own places.

As dscreate does it: the server's template for dse.ldif with its places filled in, then changes to the running server.

Never give this server an attribute with UUIDMatch: version 2.3.1 ends at the first search for one (its plug-in
entryuuid_syntax panics). Its own entryUUID is a case-insensitive string for that reason, and so is idmAccountUuid here.
"""

import base64
import hashlib
import re
import secrets
import shutil
from pathlib import Path

from connectors.ldap import SCHEMA_FILE

TEMPLATE = Path("/usr/share/dirsrv/data/template-dse.ldif")
SHIPPED = Path("/etc/dirsrv")

BASE = "dc=example,dc=jp"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
SERVICE = f"cn=idm,ou=services,{BASE}"
ADMINISTRATOR = "cn=Directory Manager"

PLACES = {
    "schema_dir": "config/schema",
    "lock_dir": "lock",
    "tmp_dir": "tmp",
    "cert_dir": "config",
    "ldif_dir": "ldif",
    "bak_dir": "backup",
    "run_dir": "run",
    "inst_dir": "config",
    "log_dir": "log",
    "config_dir": "config",
    "db_dir": "db",
    "db_home_dir": "db",
    "ldapi": "run/ldapi",
}
"""The template's names for places, and where they lie in an instance's folder."""

SUBFOLDERS = tuple(sorted({place.partition("/")[0] for place in PLACES.values()}))

PLUGINS = "cn=plugins,cn=config"
LDBM = f"cn=ldbm database,{PLUGINS}"
SETTINGS: dict[str, dict[str, str]] = {
    "cn=config": {
        "nsslapd-security": "on",
        "nsslapd-listenhost": "127.0.0.1",
        "nsslapd-securelistenhost": "127.0.0.1",
        "nsslapd-require-secure-binds": "on",
        "nsslapd-allow-anonymous-access": "rootdse",
        "nsslapd-accesslog-logging-enabled": "off",
        "nsslapd-pwpolicy-local": "on",
        "passwordCheckSyntax": "on",
        "passwordMinLength": "10",
        "passwordHistory": "on",
        "passwordInHistory": "3",
        "passwordLockout": "on",
        "passwordMaxFailure": "3",
        "passwordUnlock": "on",
        "passwordLockoutDuration": "900",
        "passwordResetFailureCount": "900",
    },
    f"cn=config,{LDBM}": {  # the machine's memory is not for one test server
        "nsslapd-cache-autosize": "0",
        "nsslapd-dbcachesize": "10000000",
    },
    f"cn=MemberOf Plugin,{PLUGINS}": {"nsslapd-pluginenabled": "on"},
    f"cn=referential integrity postoperation,{PLUGINS}": {"nsslapd-pluginenabled": "on"},
    f"cn=USN,{PLUGINS}": {"nsslapd-pluginenabled": "on"},
    f"cn=Account Policy Plugin,{PLUGINS}": {"nsslapd-pluginenabled": "on"},
    f"cn=config,cn=Account Policy Plugin,{PLUGINS}": {
        "alwaysrecordlogin": "yes",
        "stateattrname": "lastLoginTime",
        "altstateattrname": "createTimestamp",
        "specattrname": "acctPolicySubentry",
        "limitattrname": "accountInactivityLimit",
    },
}

INDEXED = ("idmAccountUuid", "employeeNumber", "lastLoginTime", "entryUUID")
UNIQUENESS = {"library": "libattr-unique-plugin", "start": "NSUniqueAttr_Init", "kind": "betxnpreoperation"}
ENTRY_UUID = (
    {
        "name": "entryuuid_syntax",
        "library": "libentryuuid-syntax-plugin",
        "start": "entryuuid_syntax_plugin_init",
        "kind": "syntax",
    },
    {
        "name": "entryuuid",
        "library": "libentryuuid-plugin",
        "start": "entryuuid_plugin_init",
        "kind": "betxnpreoperation",
    },
)
"""The server would add them at its first start, and number entries from its second."""

SCHEMA_WORDS = {
    "attributetype ": "attributeTypes: ",
    "objectclass ": "objectClasses: ",
    "UUIDMatch": "caseIgnoreMatch",
    "UUIDOrderingMatch": "caseIgnoreOrderingMatch",
    "1.3.6.1.1.16.1": "1.3.6.1.4.1.1466.115.121.1.15",
}

PLUGIN = """\
dn: cn={name},{plugins}
objectclass: top
objectclass: nsSlapdPlugin
objectclass: extensibleObject
cn: {name}
nsslapd-pluginpath: {library}
nsslapd-plugininitfunc: {start}
nsslapd-plugintype: {kind}
nsslapd-pluginenabled: on
{more}
"""

UNIQUE = """\
uniqueness-attribute-name: {attribute}
uniqueness-subtrees: {people}
nsslapd-plugin-depends-on-type: database
"""

INDEX = """\
dn: cn={attribute},cn=default indexes,cn=config,{ldbm}
objectclass: top
objectclass: nsIndex
cn: {attribute}
nssystemindex: false
nsindextype: pres
nsindextype: eq

"""

SKELETON = """\
dn: cn=userroot,{ldbm}
objectClass: top
objectClass: extensibleObject
objectClass: nsBackendInstance
cn: userroot
nsslapd-suffix: {base}

dn: cn="{base}",cn=mapping tree,cn=config
objectClass: top
objectClass: extensibleObject
objectClass: nsMappingTree
cn: {base}
nsslapd-state: backend
nsslapd-backend: userroot

dn: {base}
objectClass: domain
dc: {domain}
aci: (targetattr = "objectClass || dc || ou")(version 3.0; acl "everybody sees the branches";
  allow (read, search, compare) userdn = "ldap:///all";)
aci: (targetattr = "userPassword")(version 3.0; acl "everybody changes their own password";
  allow (write) userdn = "ldap:///self";)

dn: {people}
objectClass: organizationalUnit
ou: people
aci: (targetattr != "userPassword")(version 3.0; acl "everybody sees people";
  allow (read, search, compare) userdn = "ldap:///all";)
aci: (targetattr != "userPassword || aci || pwdpolicysubentry")(version 3.0; acl "the identity manager keeps people";
  allow (read, search, compare, write, add, delete) userdn = "ldap:///{service}";)
aci: (targetattr = "userPassword")(version 3.0; acl "and sets passwords, but reads none";
  allow (write, add) userdn = "ldap:///{service}";)
aci: (target_from = "ldap:///{people}")(target_to = "ldap:///{people}")(version 3.0; acl "and moves people within";
  allow (moddn) userdn = "ldap:///{service}";)

dn: {groups}
objectClass: organizationalUnit
ou: groups
aci: (targetattr = "*")(version 3.0; acl "everybody sees groups";
  allow (read, search, compare) userdn = "ldap:///all";)
aci: (targetattr = "member")(version 3.0; acl "the identity manager keeps members, not groups";
  allow (write) userdn = "ldap:///{service}";)

dn: ou=services,{base}
objectClass: organizationalUnit
ou: services

dn: cn=password policy,ou=services,{base}
objectClass: ldapsubentry
objectClass: passwordPolicy
cn: password policy
passwordMustChange: off
passwordLockout: off
passwordExp: off

dn: {service}
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: idm
userPassword: {service_password}
pwdpolicysubentry: cn=password policy,ou=services,{base}
nsSizeLimit: -1
nsLookThroughLimit: -1
nsPagedSizeLimit: -1
nsPagedLookThroughLimit: -1

"""

AT_LAST = """\
dn: cn=config
changetype: modify
replace: passwordMustChange
passwordMustChange: on
"""
"""Not before the service account exists: it would have to change the password it was given."""


def write_configuration(folder: Path, *, account: str, administrator_password: str) -> None:
    """Afterwards the folder holds what the server, running as `account`, needs for its first start."""
    for name in SUBFOLDERS:
        (folder / name).mkdir(mode=0o700)
    config = folder / "config"
    shutil.copytree(SHIPPED / "schema", config / "schema")
    for name in ("slapd-collations.conf", "certmap.conf"):
        shutil.copy(SHIPPED / "config" / name, config)
    (config / "schema" / "60idm.ldif").write_text(_our_schema())
    filled_in = {name: str(folder / place) for name, place in PLACES.items()} | {
        "fqdn": "localhost",
        "ds_port": "0",
        "ds_user": account,
        "rootdn": ADMINISTRATOR,
        "ds_passwd": _hashed(administrator_password),
        "ds_suffix": BASE,
        "db_lib": "bdb",
        "ldapi_enabled": "off",
        "ldapi_autobind": "off",
    }
    (config / "dse.ldif").write_text(_first_dse(filled_in))


def skeleton(service_password: str) -> str:
    """LDIF for the running server: its database, the branches, the service account and what is delegated to it."""
    domain = BASE.removeprefix("dc=").partition(",")[0]
    names = {"base": BASE, "domain": domain, "people": PEOPLE, "groups": GROUPS, "service": SERVICE}
    return SKELETON.format(ldbm=LDBM, **names, service_password=service_password)


def _first_dse(filled_in: dict[str, str]) -> str:
    text = TEMPLATE.read_text()
    for name, value in filled_in.items():
        text = text.replace(f"%{name}%", value)
    for dn, values in SETTINGS.items():
        text = changed(text, dn, values)
    entries = [PLUGIN.format(**plugin, plugins=PLUGINS, more="") for plugin in ENTRY_UUID]
    for attribute in ("uid", "idmAccountUuid"):
        more = UNIQUE.format(attribute=attribute, people=PEOPLE)
        entries.append(PLUGIN.format(name=f"{attribute} is unique", **UNIQUENESS, plugins=PLUGINS, more=more))
    entries += [INDEX.format(attribute=attribute, ldbm=LDBM) for attribute in INDEXED]
    return text + "".join(entries)


def _our_schema() -> str:
    """The product's schema as this server takes it: every definition on one line, and no UUIDMatch (see above)."""
    text = re.sub(r"(?m)^#.*\n", "", SCHEMA_FILE.read_text())
    for ours, its in SCHEMA_WORDS.items():
        text = text.replace(ours, its)
    definitions = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    return "\n".join(["dn: cn=schema", *definitions, ""])


def changed(dse: str, dn: str, values: dict[str, str]) -> str:
    """The configuration with these attributes of an entry replaced."""
    entry = re.search(rf"(?mi)^dn: {re.escape(dn)}\n(?:.+\n)+", dse)
    if entry is None:
        raise RuntimeError(f"the server's own template has no entry {dn}")
    names = {name.lower() for name in values}
    kept = [line for line in entry[0].splitlines() if line.partition(":")[0].lower() not in names]
    block = "\n".join([*kept, *(f"{name}: {value}" for name, value in values.items()), ""])
    return dse[: entry.start()] + block + dse[entry.end() :]


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    return "{SSHA512}" + base64.b64encode(hashlib.sha512(password.encode() + salt).digest() + salt).decode()
