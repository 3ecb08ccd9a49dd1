"""Rules for names of objects, labels, ports and the like, with Kubernetes' messages.

Each `*_errors` function returns a list of messages, empty when the value is right. A caller turns
them into field errors; this file knows nothing of fields. Lengths are counted in bytes, as Go does.

Source: apimachinery `util/validation`, `api/validation/path`.
"""

from __future__ import annotations

import ipaddress
import re

DNS1123_LABEL_MAX = 63
DNS1123_SUBDOMAIN_MAX = 253
DNS1035_LABEL_MAX = 63
QUALIFIED_NAME_MAX = 63
LABEL_VALUE_MAX = 63
CONFIG_KEY_MAX = 253
PORT_NAME_MAX = 15

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_DNS1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = rf"({_QUALIFIED})?"
_CONFIG_KEY = r"[-._a-zA-Z0-9]+"
_C_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
_RELAXED_ENV = "[ -<>-~]+"
_PERCENT = "[0-9]+%"

_label = re.compile(_LABEL)
_subdomain = re.compile(_SUBDOMAIN)
_dns1035 = re.compile(_DNS1035)
_qualified = re.compile(_QUALIFIED)
_label_value = re.compile(_LABEL_VALUE)
_config_key = re.compile(_CONFIG_KEY)
_c_identifier = re.compile(_C_IDENTIFIER)
_relaxed_env = re.compile(_RELAXED_ENV)
_percent = re.compile(_PERCENT)
_port_charset = re.compile("[-a-z0-9]+")
_has_letter = re.compile("[a-z]")

_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_DNS1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_QUALIFIED_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_CONFIG_KEY_TEXT = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
_C_IDENTIFIER_TEXT = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of "
    "alphanumeric characters or '_'"
)
_RELAXED_ENV_TEXT = "a valid environment variable name must consist only of printable ASCII characters other than '='"
_PERCENT_TEXT = "a valid percent string must be a numeric string followed by an ending '%'"


def max_length(limit: int) -> str:
    """The message of length rules that count characters."""
    return f"must be no more than {limit} characters"


def max_bytes(limit: int) -> str:
    """The message of length rules that count bytes."""
    return f"must be no more than {limit} bytes"


def regex_message(text: str, pattern: str, *examples: str) -> str:
    """A rule's text with examples and its regular expression, punctuated as Go does it."""
    if not examples:
        return f"{text} (regex used for validation is '{pattern}')"
    listed = " or ".join(f"'{e}', " for e in examples)
    return f"{text} (e.g. {listed}regex used for validation is '{pattern}')"


def _bytes(value: str) -> int:
    return len(value) if value.isascii() else len(value.encode())


def dns1123_label_errors(value: str) -> list[str]:
    if _label.fullmatch(value) and len(value) <= DNS1123_LABEL_MAX:
        return []
    errors = []
    if _bytes(value) > DNS1123_LABEL_MAX:
        errors.append(max_length(DNS1123_LABEL_MAX))
    if not _label.fullmatch(value):
        if _subdomain.fullmatch(value):
            errors.append("must not contain dots")
        else:
            errors.append(regex_message(_LABEL_TEXT, _LABEL, "my-name", "123-abc"))
    return errors


def dns1123_subdomain_errors(value: str) -> list[str]:
    errors = []
    if _bytes(value) > DNS1123_SUBDOMAIN_MAX:
        errors.append(max_length(DNS1123_SUBDOMAIN_MAX))
    if not _subdomain.fullmatch(value):
        errors.append(regex_message(_SUBDOMAIN_TEXT, _SUBDOMAIN, "example.com"))
    return errors


def dns1123_subdomain_errors_in_bytes(value: str) -> list[str]:
    """The same, where the rule is declared with the type: its length is told in bytes."""
    longest = max_length(DNS1123_SUBDOMAIN_MAX)
    return [max_bytes(DNS1123_SUBDOMAIN_MAX) if e == longest else e for e in dns1123_subdomain_errors(value)]


def dns1035_label_errors(value: str) -> list[str]:
    errors = []
    if _bytes(value) > DNS1035_LABEL_MAX:
        errors.append(max_length(DNS1035_LABEL_MAX))
    if not _dns1035.fullmatch(value):
        errors.append(regex_message(_DNS1035_TEXT, _DNS1035, "my-name", "abc-123"))
    return errors


def wildcard_subdomain_errors(value: str) -> list[str]:
    """`*.example.com`, as in Ingress hosts."""
    pattern = r"\*\." + _SUBDOMAIN
    errors = []
    if _bytes(value) > DNS1123_SUBDOMAIN_MAX:
        errors.append(max_length(DNS1123_SUBDOMAIN_MAX))
    if not re.fullmatch(pattern, value):
        text = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "
        text += "which must consist of lower case alphanumeric characters, '-' or '.' and end with an "
        text += "alphanumeric character"
        errors.append(regex_message(text, pattern, "*.example.com"))
    return errors


def qualified_name_errors(value: str) -> list[str]:
    """Label and annotation keys: an optional DNS prefix and `/`, then a name."""
    parts = value.split("/")
    if len(parts) > 2:
        text = regex_message("a valid label key " + _QUALIFIED_TEXT, _QUALIFIED, "MyName", "my.name", "123-abc")
        return [f"{text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    errors: list[str] = []
    if len(parts) == 2:
        if not parts[0]:
            errors.append("prefix part must be non-empty")
        else:
            errors.extend("prefix part " + e for e in dns1123_subdomain_errors(parts[0]))
    name = parts[-1]
    if not name:
        errors.append("name part must be non-empty")
    elif _bytes(name) > QUALIFIED_NAME_MAX:
        errors.append("name part " + max_bytes(QUALIFIED_NAME_MAX))
    if not _qualified.fullmatch(name):
        errors.append(
            regex_message("name part " + _QUALIFIED_TEXT, _QUALIFIED, "MyName", "my.name", "123-abc"),
        )
    return errors


#: Label keys follow the rule of qualified names; so do annotation keys, in lower case.
label_key_errors = qualified_name_errors


def label_value_errors(value: str) -> list[str]:
    errors = []
    if _bytes(value) > LABEL_VALUE_MAX:
        errors.append(max_bytes(LABEL_VALUE_MAX))
    if not _label_value.fullmatch(value):
        errors.append(regex_message(_LABEL_VALUE_TEXT, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return errors


def port_name_errors(value: str) -> list[str]:
    """IANA service names: container ports, named targets."""
    errors = []
    if len(value) > PORT_NAME_MAX:
        errors.append(max_length(PORT_NAME_MAX))
    if not _port_charset.fullmatch(value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _has_letter.search(value):
        errors.append("must contain at least one letter (a-z)")
    if "--" in value:
        errors.append("must not contain consecutive hyphens")
    if value and (value[0] == "-" or value[-1] == "-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def port_number_errors(value: int) -> list[str]:
    return [] if 1 <= value <= 65535 else ["must be between 1 and 65535, inclusive"]


def path_segment_errors(value: str) -> list[str]:
    """Names that need only be one segment of a URL path (RBAC roles)."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{part}'" for part in ("/", "%") if part in value]


def env_var_name_errors(value: str) -> list[str]:
    """Environment variables: printable ASCII without `=`."""
    return [] if _relaxed_env.fullmatch(value) else [_RELAXED_ENV_TEXT]


def c_identifier_errors(value: str) -> list[str]:
    if _c_identifier.fullmatch(value):
        return []
    return [regex_message(_C_IDENTIFIER_TEXT, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName")]


def config_map_key_errors(value: str) -> list[str]:
    """Keys of ConfigMaps and Secrets, which become file names."""
    errors = []
    if _bytes(value) > CONFIG_KEY_MAX:
        errors.append(max_length(CONFIG_KEY_MAX))
    if not _config_key.fullmatch(value):
        errors.append(regex_message(_CONFIG_KEY_TEXT, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if value == ".":
        errors.append("must not be '.'")
    elif value == "..":
        errors.append("must not be '..'")
    elif value.startswith(".."):
        errors.append("must not start with '..'")
    return errors


def percent_errors(value: str) -> list[str]:
    return [] if _percent.fullmatch(value) else [regex_message(_PERCENT_TEXT, _PERCENT, "1%", "93%")]


def ip_errors(value: str) -> list[str]:
    """An IPv4 or IPv6 address."""
    return [] if parse_ip(value) else ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]


def cidr_errors(value: str) -> list[str]:
    return [] if parse_cidr(value) else ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]


def parse_ip(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, or None. Scoped addresses (`fe80::1%eth0`) are not addresses to Kubernetes."""
    if "%" in value:
        return None
    try:
        return ipaddress.ip_address(_without_leading_zeros(value))
    except ValueError:
        return None


def parse_cidr(value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The network; bits beyond the prefix are dropped, as Go's ParseCIDR does. None if malformed."""
    address, slash, prefix = value.partition("/")
    if not slash or not prefix.isdecimal() or not prefix.isascii() or "%" in address:
        return None
    try:
        return ipaddress.ip_network(f"{_without_leading_zeros(address)}/{prefix}", strict=False)
    except ValueError:
        return None


def _without_leading_zeros(address: str) -> str:
    """Old objects may hold `010.0.0.1`, read as decimal."""
    if ":" in address or not re.search(r"(^|\.)0\d", address):
        return address
    return ".".join(part.lstrip("0") or "0" for part in address.split("."))
