"""Who the components are to the API server. Their permissions are those of the bootstrap policy.

Source: the user names and groups of Kubernetes' components.
"""

from __future__ import annotations

from navarch.wire.messages import User

AUTHENTICATED = "system:authenticated"

ADMIN = User("kubernetes-admin", groups=("system:masters", AUTHENTICATED))
CONTROLLER_MANAGER = User("system:kube-controller-manager", groups=(AUTHENTICATED,))
SCHEDULER = User("system:kube-scheduler", groups=(AUTHENTICATED,))
PROXY = User("system:kube-proxy", groups=(AUTHENTICATED,))


def controller(name: str) -> User:
    """A controller's own service account in kube-system."""
    return service_account("kube-system", name)


def service_account(namespace: str, name: str) -> User:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return User(f"system:serviceaccount:{namespace}:{name}", groups=groups)


def node(name: str) -> User:
    """The kubelet of a node."""
    return User(f"system:node:{name}", groups=("system:nodes", AUTHENTICATED))
