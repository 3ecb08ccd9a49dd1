"""The node agent (kubelet): a pure pod machine, one worker per pod, a runtime behind a contract."""
