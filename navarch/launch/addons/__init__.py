"""What can be switched on and off in a cluster, as minikube's addons."""
