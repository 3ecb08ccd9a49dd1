"""Who is asking: client certificates, bearer tokens, nobody. No I/O in this package; what must be looked
up (secrets, service accounts, pods) comes through callables that read the server's index."""
