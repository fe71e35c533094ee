"""What differs between LDAP directories: one file per kind, data and pure functions (`connectors.ldap.dialect`)."""
