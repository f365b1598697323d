"""The README flow of the REST registry's client family, as its programs do it: with requests."""

import sys

import requests

base = sys.argv[1]

registered = requests.post(
    f"{base}/api/register",
    json={
        "id": "hello",
        "name": "Hello",
        "version": "1.0.0",
        "capabilities": ["greeting", "farewell"],
        "location": sys.argv[2],
        "mode": "http",
        "metadata": {"runtime": "python"},
    },
    timeout=5,
)
assert registered.status_code == 201, registered.text
assert registered.json()["service_id"] == "hello"

services = requests.get(f"{base}/api/services", params={"status": "healthy"}, timeout=5).json()
assert services["count"] == 1 and services["services"][0]["status"] == "healthy", services
assert requests.get(f"{base}/api/services", params={"status": "active"}, timeout=5).json()["count"] == 1

assert requests.post(f"{base}/api/heartbeat/hello", timeout=5).json() == {"message": "Heartbeat received"}

found = requests.post(
    f"{base}/api/discover", json={"capabilities": ["greeting"], "optional": ["music"]}, timeout=5
).json()
assert found["matches"][0]["service"]["id"] == "hello", found
assert found["matches"][0]["match_score"] == 1

# The locator asks for a capability, then calls the service itself.
service = requests.get(f"{base}/api/capabilities/greeting", timeout=5).json()
called = requests.post(
    f"{service['location']}/_module/invoke",
    json={"capability": "greeting", "params": {"name": "Ada"}},
    timeout=30,
)
assert called.json() == {"greeting": "Hello Ada"}, called.text

stats = requests.get(f"{base}/api/stats", timeout=5).json()
assert stats["services_by_runtime"] == {"python": 1}, stats

missing = requests.get(f"{base}/api/capabilities/music", timeout=5)
assert missing.status_code == 404 and missing.json()["error"] == "Capability not found"
for path in ("/api/unregister/hello", "/api/services/hello"):
    gone = requests.delete(base + path, timeout=5)
    expected = 200 if path.startswith("/api/unregister") else 404
    assert gone.status_code == expected, gone.text
print("done")
