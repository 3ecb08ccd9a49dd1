"""The suites of kubectl's own tests (test/cmd of Kubernetes 1.36), and which tests here stand for each.

python -m tests.kubectl.suites        the table of docs/kubectl.md
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

#: What each suite needs: "client" alone, "server", or "controllers" too.
SUITES = {
    "kubectl_version_tests": "server",
    "kubectl_results_tests": "server",
    "kubectl_config_set_tests": "client",
    "kubectl_config_set_cluster_tests": "client",
    "kubectl_config_set_credentials_tests": "client",
    "kubectl_local_proxy_tests": "server",
    "RESTMapper_evaluation_tests": "server",
    "clusterroles_tests": "server",
    "role_tests": "server",
    "assert_short_name_tests": "server",
    "assert_singular_name_tests": "server",
    "ambiguous_shortname_tests": "server",
    "explain_crd_with_additional_properties_tests": "server",
    "assert_categories_tests": "server",
    "pod_tests": "controllers",
    "save_config_tests": "server",
    "kubectl_create_error_tests": "server",
    "kubectl_apply_tests": "controllers",
    "kubectl_server_side_apply_tests": "server",
    "kubectl_run_tests": "server",
    "kubectl_create_filter_tests": "server",
    "kubectl_apply_deployments_tests": "controllers",
    "kubectl_diff_tests": "controllers",
    "kubectl_diff_same_names": "server",
    "kubectl_get_tests": "server",
    "kubectl_help_tests": "client",
    "kubectl_events_tests": "controllers",
    "kubectl_exec_pod_tests": "server",
    "kubectl_exec_resource_name_tests": "server",
    "create_secret_tests": "server",
    "kubectl_create_kustomization_directory_tests": "server",
    "kubectl_create_validate_tests": "server",
    "convert_tests": "client",
    "kubectl_delete_allnamespaces_tests": "server",
    "kubectl_delete_interactive_tests": "server",
    "kubectl_request_timeout_tests": "server",
    "crd_tests": "controllers",
    "recursive_resources_tests": "controllers",
    "namespace_tests": "controllers",
    "secrets_test": "controllers",
    "configmap_tests": "controllers",
    "client_config_tests": "server",
    "service_accounts_tests": "controllers",
    "job_tests": "controllers",
    "create_job_tests": "server",
    "pod_templates_tests": "server",
    "service_tests": "server",
    "daemonset_tests": "server",
    "daemonset_history_tests": "controllers",
    "rc_tests": "server",
    "deployment_tests": "controllers",
    "rs_tests": "controllers",
    "stateful_set_tests": "controllers",
    "statefulset_history_tests": "controllers",
    "lists_tests": "server",
    "multi_resources_tests": "server",
    "persistent_volumes_tests": "server",
    "persistent_volume_claims_tests": "server",
    "storage_class_tests": "server",
    "nodes_tests": "controllers",
    "exec_credentials_tests": "controllers",
    "exec_credentials_interactive_tests": "server",
    "kubectl_auth_whoami_tests": "server",
    "authorization_tests": "server",
    "retrieve_multiple_tests": "server",
    "resource_aliasing_tests": "server",
    "kubectl_explain_tests": "server",
    "crd_deletion_recreation_tests": "server",
    "swagger_tests": "server",
    "kubectl_sort_by_tests": "server",
    "kubectl_all_namespace_tests": "controllers",
    "deprecated_api_tests": "server",
    "template_output_tests": "controllers",
    "certificates_tests": "server",
    "cluster_management_tests": "controllers",
    "plugins_tests": "client",
    "impersonation_tests": "server",
    "wait_tests": "controllers",
    "kubectl_debug_tests": "server",
    "kubectl_debug_legacy_tests": "server",
    "kubectl_debug_baseline_tests": "server",
    "kubectl_debug_restricted_tests": "controllers",
    "kubectl_debug_netadmin_tests": "server",
    "kubectl_debug_custom_profile_tests": "server",
    "kubectl_debug_warning_tests": "server",
    "kubectl_debug_node_tests": "server",
    "kubectl_debug_legacy_node_tests": "server",
    "kubectl_debug_baseline_node_tests": "server",
    "kubectl_debug_restricted_node_tests": "controllers",
    "kubectl_debug_netadmin_node_tests": "server",
    "kuberc_tests": "controllers",
    "kubectl_scale_tests": "server",
}

#: Why a suite is not here.
ABSENT = {"convert_tests": "needs kubectl-convert, a program of its own"}

_HERE = Path(__file__).parent


def marked() -> dict[str, list[str]]:
    """Suite -> `file::test` of each test that is marked with it."""
    found: dict[str, list[str]] = {}
    for path in sorted(_HERE.glob("test_*.py")):
        tree = ast.parse(path.read_text())
        lists = {_target(node): list(_names(node)) for node in tree.body if isinstance(node, ast.Assign)}
        for test in tree.body:
            if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
                named = [name for mark in test.decorator_list for name in (*_names(mark), *_of_lists(mark, lists))]
                for name in dict.fromkeys(named + lists.get("pytestmark", [])):
                    found.setdefault(name, []).append(f"{path.stem}::{test.name}")
    return found


def _target(node: ast.Assign) -> str:
    return getattr(node.targets[0], "id", "")


def _names(node: ast.AST) -> Iterator[str]:
    """The arguments of each `suite(...)` below a node."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and getattr(each.func, "attr", "") == "suite":
            yield from (str(argument.value) for argument in each.args if isinstance(argument, ast.Constant))


def _of_lists(mark: ast.AST, lists: dict[str, list[str]]) -> Iterator[str]:
    """The suites in the lists of parameters that a mark refers to by name."""
    for each in ast.walk(mark):
        if isinstance(each, ast.Name):
            yield from lists.get(each.id, [])


def table() -> str:
    """The rows of docs/kubectl.md."""
    found = marked()
    rows = ["| suite | needs | tests |", "|---|---|---|"]
    for name, needs in SUITES.items():
        files = dict.fromkeys(test.partition("::")[0] for test in found.get(name, []))
        shown = ", ".join(f"{file} ({_count(found[name], file)})" for file in files) or f"none: {ABSENT[name]}"
        rows.append(f"| {name} | {needs} | {shown} |")
    return "\n".join(rows) + "\n"


def _count(tests: list[str], file: str) -> int:
    return sum(test.startswith(f"{file}::") for test in tests)


if __name__ == "__main__":
    print(table(), end="")
