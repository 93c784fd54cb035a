from unified_loss.conformance.pytest_plugin import certify

pytest_collect_file = certify("unified_loss_array_api_strict:ArrayApiStrictBackend")
