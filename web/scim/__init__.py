"""A SCIM 2.0 server for systems that push people to us (RFC 7643, RFC 7644): people come in, rights never do."""
