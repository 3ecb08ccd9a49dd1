"""Who may do what: RBAC, the node authorizer, and what follows from them. No I/O in this package;
the server feeds it RBAC objects and pods as they are written."""
