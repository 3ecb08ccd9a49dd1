"""The minikube-like launcher."""
