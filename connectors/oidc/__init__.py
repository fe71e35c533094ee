"""OpenID Connect: whom a provider says somebody is (control F4)."""
