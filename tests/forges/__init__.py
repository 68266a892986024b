"""`lfsync comment` against a small fake of GitHub's and GitLab's APIs, over HTTP."""
