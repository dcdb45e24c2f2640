"""What the official validator says of an RO-Crate, without a network.

The Python of the validator's own environment runs it: python validate_crate.py CONTEXT FOLDER

CONTEXT is the context of RO-Crate 1.1, of which the package rocrate has a copy. It goes into the cache that the
validator reads in place of the web. Prints, for each of two ways to look at the crate (its folder, and its metadata
alone, as found on the web), the checks that failed with their objects, and those that were skipped.
"""

import io
import json
import sys
import tempfile
from pathlib import Path

import requests
import urllib3
from requests_cache import CachedSession
from rocrate_validator.models import Severity, ValidationSettings
from rocrate_validator.services import validate, validate_metadata_as_dict

URL = "https://w3id.org/ro/crate/1.1/context"


def keep(context, cache):
    """Put the context into the cache as if it had been fetched."""
    answer = requests.Response()
    answer.status_code, answer.url, answer._content = 200, URL, context.read_bytes()
    answer.headers["Content-Type"] = "application/ld+json"
    answer.request = requests.Request("GET", URL).prepare()
    answer.raw = urllib3.HTTPResponse(io.BytesIO(), request_url=URL, preload_content=False)
    with CachedSession(str(cache), backend="sqlite", expire_after=-1) as session:
        session.cache.save_response(answer)


def judgement(result):
    failed = {}
    for issue in result.get_issues():
        what = str(issue.violatingPropertyValue or issue.violatingEntity or "")
        failed.setdefault(issue.check.identifier, []).append(f"{what.rsplit('/', 1)[-1]}: {issue.message}")
    return {"failed": failed, "skipped": sorted(check.identifier for check in result.skipped_checks)}


def main(context, folder):
    with tempfile.TemporaryDirectory() as scratch:
        cache = Path(scratch) / "cache"
        keep(context, cache)
        how = {
            "profile_identifier": "provenance-run-crate-0.5",
            "requirement_severity": Severity.RECOMMENDED,
            "offline": True,
            "cache_path": cache,
        }
        metadata = json.loads((folder / "ro-crate-metadata.json").read_text())
        found = {
            "folder": judgement(validate(ValidationSettings(rocrate_uri=str(folder), **how))),
            "metadata": judgement(validate_metadata_as_dict(metadata, ValidationSettings(**how))),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
