"""What every answer needs: headers, the policy of scripts, errors in JSON."""

from __future__ import annotations

import base64
import hashlib
import re

PATHS = ["/", "/label", "/static/js/x.js", "/media/labels.csv", "/_stcore/host-config", "/_stcore/upload_file/a/b", "/_stcore/health"]


def test_every_answer_carries_the_headers(client):
    for path in [*PATHS, "/api/v1/health", "/api/nothing"]:
        for answer in (client().get(path), client().get(path, headers={"Host": "evil.example"})):
            kept = [answer.headers[name] for name in ("x-content-type-options", "x-frame-options", "referrer-policy")]
            assert kept == ["nosniff", "SAMEORIGIN", "same-origin"], path
            policy = answer.headers["content-security-policy"]
            assert "frame-ancestors 'self'" in policy
            assert "unsafe-eval" not in policy
            assert not re.search(r"https?:|\*|//", policy), "no other site"


def test_the_inline_scripts_of_a_page_pass_by_their_digest_and_no_other_does(client):
    answer = client().get("/label", headers={"If-None-Match": '"of the file"', "Accept-Encoding": "gzip"})
    scripts = re.findall(r"<script>(.*?)</script>", answer.text, re.S)
    assert scripts[0] == "window.ready = 1"
    assert "/api/v1/origin" in scripts[1]
    digests = [f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts]
    (allowed,) = re.findall(r"script-src ([^;]*);", answer.headers["content-security-policy"])
    assert allowed.split() == ["'self'", "blob:", *digests]
    assert answer.headers["content-length"] == str(len(answer.content))
    assert not {"etag", "last-modified"} & set(answer.headers)  # they are the file's, which is not what was sent


def test_a_page_is_asked_for_whole_and_a_file_as_the_browser_asks(client, reached):
    conditions = {"If-None-Match": '"x"', "If-Modified-Since": "Thu, 26 Nov 2026 11:00:00 GMT", "Accept-Encoding": "gzip"}
    client().get("/label", headers=conditions)
    client().get("/static/js/x.js", headers=conditions)
    lowered = {name.lower() for name in conditions}
    assert [sorted(lowered & set(names)) for _, names in reached] == [[], sorted(lowered)]


def test_an_error_of_the_web_library_below_api_is_json_too(client):
    answer = client().get("/api/v1/projects/%5cetc")
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (
        400,
        "application/json",
        {"error": "the address is not taken: bad request"},
    )
    assert client().get("/%5cetc").text == "Bad Request"
