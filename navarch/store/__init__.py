"""A revisioned key-value log with the semantics of etcd v3: one contract, three stores."""
