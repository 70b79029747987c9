"""Starts a server of its own for each role, signs in, and lets schemathesis ask. Started by `run`."""

import argparse
import atexit
import concurrent.futures
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROLES = ["nobody", "learner", "mentor", "admin"]
# Of which phases a size is made, how many requests an operation gets when they are drawn, how many walks from one
# operation to the next there are and how long a role may take, in seconds.
SIZES = {
    "small": {"phases": "examples,coverage,fuzzing,stateful", "examples": 3, "walks": 5, "seconds": 1800},
    "full": {"phases": "examples,coverage,fuzzing,stateful", "examples": 20, "walks": 50, "seconds": 3600},
}
# The least that the full size has to have asked, in all.
FULL = 20_000
# Everything that was started to ask. Nothing more is started once this has to end.
ASKING = []
ENDING = threading.Event()
# Not one that the document has as an example: nobody is to change a password or delete an account by luck.
PASSWORD = "Halyard-and-sheet-77"


def main():
    options = arguments()
    binary = os.environ.get("LYCEUM_BIN", "")
    if not os.access(binary, os.X_OK):
        sys.exit(f"tests/properties: LYCEUM_BIN names no program: {binary!r}")
    folder = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="lyceum-properties."))
    folder.mkdir(parents=True, exist_ok=True)
    if not options.keep:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        asked = [pool.submit(ask, role, options, os.path.abspath(binary), folder / role) for role in options.role]
        results = [one.result() for one in concurrent.futures.as_completed(asked)]
    results.sort(key=lambda result: ROLES.index(result["role"]))
    return tell(results, options, time.monotonic() - began)


def end(number, _):
    """A signal: who asks stops, and then servers and databases are taken away as ever."""
    ENDING.set()
    for process in ASKING:
        process.terminate()
    print(f"tests/properties: ended by signal {number}", file=sys.stderr)


def arguments():
    parser = argparse.ArgumentParser(prog="tests/properties/run", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small", help="how much is asked (default: small)")
    parser.add_argument("--role", choices=ROLES, action="append", help="as whom; may be given again (default: all)")
    parser.add_argument("--seed", type=int, default=2026, help="what the drawing begins with (default: 2026)")
    parser.add_argument("--operation", metavar="REGEX", help="only operations like this: 'POST /api/v1/ai.*'")
    parser.add_argument("--phases", help="only these of: examples, coverage, fuzzing, stateful")
    parser.add_argument("--jobs", type=int, default=min(len(ROLES), os.cpu_count() or 1), help="roles at a time")
    parser.add_argument("--keep", metavar="FOLDER", help="where reports, logs and data go, to stay there")
    options = parser.parse_args()
    options.role = options.role or ROLES
    return options


def ask(role, options, binary, folder):
    """Everything as one role. Answers what came of it; never raises."""
    began = time.monotonic()
    result = {"role": role, "requests": 0, "statuses": {}, "failures": 0, "ok": False, "output": ""}
    try:
        if ENDING.is_set():
            raise InterruptedError("not asked")
        folder.mkdir(parents=True, exist_ok=True)
        with House(role, binary, folder) as house:
            result.update(house.ask(options))
    except Exception as error:  # noqa: BLE001 - the other roles go on
        result["output"] += f"\n{type(error).__name__}: {error}\n"
    result["seconds"] = time.monotonic() - began
    return result


class House:
    """A server with its data, and two accounts of a role: one that asks, and one that must not see what is theirs."""

    def __init__(self, role, binary, folder):
        self.role, self.binary, self.folder = role, binary, folder
        self.server = self.database = None
        self.environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")} | {
            "LYCEUM_ENV": "test",
            "LYCEUM_CONFIG_DIR": os.environ.get("LYCEUM_CONFIG_DIR", str(HERE.parent.parent / "config")),
            "LYCEUM__DATA_DIR": str(folder / "data"),
            "LYCEUM__SEED_DEMO": "true",
            "LYCEUM__SERVER__WORKERS": "2",
            "LYCEUM__RATE_LIMIT__ENABLED": "false",
            # Nobody is to be locked out by the sign-ins that are drawn.
            "LYCEUM__AUTH__LOCKOUT__AFTER": "1000",
            "LYCEUM__AUTH__LOCKOUT__OVERALL_AFTER": "1000000",
            "JWT_SECRET": secrets.token_urlsafe(32),
            "HOST": "127.0.0.1",
            "PORT": "0",
        }

    def __enter__(self):
        try:
            self.make_database()
            self.start()
            self.furnish()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.server:
            self.server.terminate()
            try:
                self.server.wait(20)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        if self.database:
            postgres(f'DROP DATABASE "{self.database}" WITH (FORCE)')

    def make_database(self):
        url = os.environ.get("TEST_DATABASE_URL")
        if url:
            self.database = f"lyceum_properties_{self.role}_{secrets.token_hex(4)}"
            postgres(f'CREATE DATABASE "{self.database}"')
            self.environment["DATABASE_URL"] = urllib.parse.urlsplit(url)._replace(path=f"/{self.database}").geturl()

    def start(self):
        log = self.folder / "server.log"
        with log.open("w") as out:
            self.server = subprocess.Popen(
                [self.binary], env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        patience = time.monotonic() + 60
        while "listening on http://" not in (text := log.read_text()):
            if self.server.poll() is not None or time.monotonic() > patience:
                raise RuntimeError(f"the server did not start:\n{text}")
            time.sleep(0.05)
        self.url = "http://" + text.split("listening on http://")[1].split()[0]

    def furnish(self):
        """Accounts, and something in each of the places that are looked into."""
        if self.role == "nobody":
            return
        for name in ("asker", "other"):
            account = ["--email", f"{name}@example.com", "--username", name, "--role", self.role]
            command = [self.binary, "user", "create", *account, "--password-stdin"]
            subprocess.run(command, env=self.environment, cwd=self.folder, input=f"{PASSWORD}\n", text=True, check=True,
                           stdout=subprocess.DEVNULL)
        token = self.sign_in("asker")

        def api(method, path, body=None, **more):
            return self.call(method, f"/api/v1{path}", body, token, **more)

        subject = api("POST", "/subjects", {"title": "Tides", "color": "#1a2b3c"})
        file = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="tides.md"\r\n\r\n# Springs\n\nTwice a month.\r\n--edge--\r\n'
        api("POST", f"/subjects/{subject['id']}/documents", file, kind="multipart/form-data; boundary=edge")
        api("POST", "/ai/chat", {"prompt": "How do I learn?"})
        api("POST", "/users/me/api-keys", {"name": "notebook", "scopes": ["ai"]})
        course = api("GET", "/courses")["items"][0]
        lesson = api("GET", f"/courses/{course['id']}")["outline"][0]
        api("PUT", f"/lessons/{lesson['id']}/progress", {"status": "in_progress"})
        if self.role != "learner":
            own = api("POST", "/courses", {"title": "Knots"})
            for title in ("Bends", "Hitches"):
                api("POST", f"/courses/{own['id']}/lessons", {"title": title, "content": f"# {title}\n\nTwo ropes."})

    def sign_in(self, name):
        answer = self.call("POST", "/api/v1/auth/token", credentials(name).encode(), kind="application/x-www-form-urlencoded")
        return answer["access_token"]

    def call(self, method, path, body=None, token=None, kind="application/json"):
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def configuration(self, size):
        """The project's configuration, how much is asked, and by whom."""
        text = (HERE / "schemathesis.toml").read_text()
        text += f"\n[phases.fuzzing.generation]\nmax-examples = {size['examples']}\n"
        text += f"\n[phases.stateful.generation]\nmax-examples = {size['walks']}\n"
        if self.role == "nobody":
            return text
        login = {
            "endpoint": "/api/v1/auth/token",
            "verb": "POST",
            "contentType": "application/x-www-form-urlencoded",
            "token": {
                "extractFrom": "body",
                "extractSelector": "/access_token",
                "sendIn": "header",
                "sendName": "Authorization",
                "sendTemplate": "Bearer {token}",
            },
        }
        people = [{"name": name, "loginEndpointAuth": login | {"payloadRaw": credentials(name)}} for name in ("asker", "other")]
        (self.folder / "people.json").write_text(json.dumps({"schemaVersion": "0.2.0", "auth": people}))
        who = f'\n[auth.wfc]\npath = {json.dumps(str(self.folder / "people.json"))}\nuser = "asker"\nrefresh_interval = 300\n'
        # Admins see what everybody has: there are no two of them who must not see each other's.
        return text + who + ('peers = ["asker", "other"]\n' if self.role != "admin" else "")

    def ask(self, options):
        size = SIZES[options.size]
        configuration = self.folder / "schemathesis.toml"
        configuration.write_text(self.configuration(size))
        command = [
            str(pathlib.Path(sys.executable).parent / "st"), "--config-file", str(configuration),
            "run", f"{self.url}/openapi.json", "--no-color", "--generation-database", "none",
            "--seed", str(options.seed),
            "--phases", options.phases or size["phases"],
            "--report", "json", "--report-json-path", str(self.folder / "report.json"),
        ]  # fmt: skip
        if options.operation:
            command += ["--include-name-regex", options.operation]
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"),
            "PROPERTIES_COUNTS": str(self.folder / "counts.json"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        text = self.folder / "output.txt"
        with text.open("w") as out:
            asking = subprocess.Popen(command, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        ASKING.append(asking)
        try:
            asking.wait(size["seconds"])
        finally:
            asking.kill()
            asking.wait()
        output = text.read_text()
        counts = json.loads((self.folder / "counts.json").read_text())
        report = json.loads((self.folder / "report.json").read_text())
        told = {
            "requests": sum(counts.values()),
            "statuses": counts,
            "failures": report["test_cases"]["unique_failures"],
            "operations": report["operations"]["tested"],
            "ok": asking.returncode == 0 and not ENDING.is_set(),
            "output": output,
        }
        log = (self.folder / "server.log").read_text()
        if self.server.poll() is not None:
            told |= {"ok": False, "output": output + "\nthe server ended by itself\n" + log[-5000:]}
        elif faults := [line for line in log.splitlines() if is_fault(line)]:
            told |= {"ok": False, "output": output + f"\n{len(faults)} faults in the log\n" + "\n".join(faults[:20])}
        return told


def is_fault(line):
    """Whether a line of the log tells of a fault of ours. What is no HTTP at all the framework takes for one."""
    return "panicked" in line or (" ERROR " in line and "stream error: request parse error" not in line)


def credentials(name):
    """The form that signs somebody in. By address: usernames are there to be changed."""
    return urllib.parse.urlencode({"grant_type": "password", "username": f"{name}@example.com", "password": PASSWORD})


def postgres(statement):
    """One statement in the database that TEST_DATABASE_URL names."""
    import pg8000.native

    url = urllib.parse.urlsplit(os.environ["TEST_DATABASE_URL"])
    unquote = urllib.parse.unquote
    connection = pg8000.native.Connection(
        unquote(url.username or "postgres"), url.hostname or "localhost", unquote(url.path.lstrip("/")) or None,
        url.port or 5432, unquote(url.password) if url.password else None,
    )  # fmt: skip
    try:
        connection.run(statement)
    finally:
        connection.close()


def tell(results, options, seconds):
    for result in results:
        if not result["ok"]:
            print(f"\n==> as {result['role']}:\n{result['output']}")
    print(f"\n{'as':10}{'requests':>10}{'operations':>12}{'failures':>10}{'seconds':>10}  answers")
    for result in results:
        answers = " ".join(f"{count}×{status}" for status, count in sorted(result["statuses"].items()))
        print(f"{result['role']:10}{result['requests']:>10}{result.get('operations', 0):>12}{result['failures']:>10}"
              f"{result['seconds']:>10.0f}  {answers}")
    requests, failures = sum(result["requests"] for result in results), sum(result["failures"] for result in results)
    print(f"{'in all':10}{requests:>10}{'':>12}{failures:>10}{seconds:>10.0f}  seed {options.seed}, "
          f"{'PostgreSQL' if os.environ.get('TEST_DATABASE_URL') else 'SQLite'}")
    is_whole = options.size == "full" and options.role == ROLES and not options.operation and not options.phases
    if is_whole and requests < FULL:
        print(f"tests/properties: {requests} requests are fewer than {FULL}")
        return 1
    return 0 if all(result["ok"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
