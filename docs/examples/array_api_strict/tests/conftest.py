"""The suite, on the backend of this distribution."""

from unified_loss.conformance.pytest_plugin import certify

pytest_collect_file = certify("unified_loss_array_api_strict:ArrayApiStrictBackend")
