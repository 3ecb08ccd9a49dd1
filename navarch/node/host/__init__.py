"""What the kubelet touches of the machine's disk: a contract, the machine itself, and memory."""
