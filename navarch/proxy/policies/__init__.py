"""NetworkPolicies as nftables rules of the nodes that pods run on."""
