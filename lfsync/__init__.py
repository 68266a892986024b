"""Config-as-code for Lightfield: YAML in git to records in the CRM."""

__version__ = "0.1.0"
