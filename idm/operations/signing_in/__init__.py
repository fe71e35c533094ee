"""How people come in to the product, and by what: passwords, second factors, links, sessions (F1, F2, F4)."""
