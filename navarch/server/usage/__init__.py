"""The resource metrics API: what kubelets measure, as metrics.k8s.io tells it."""
