"""Coming in: passwords, second factors, links, and where one is signed in."""
