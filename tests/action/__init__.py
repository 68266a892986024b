"""action.yml and the workflows around it, run as GitHub and GitLab run them, against the sandbox."""
