#!/usr/bin/python3
"""The demo's page in Chromium: alice writes, bob sees it without a reload, his badge rises, he
reads, alice sees it read; nginx is reloaded and they go on, nothing missing or double."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
count = 0
failures = 0


def ok(passed, what):
    global count, failures
    count += 1
    failures += not passed
    print(f"{'ok' if passed else 'not ok'} {count} - {what}", flush=True)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Demo:
    """scripts/demo, on a port and in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.start()

    def start(self):
        began = time.monotonic()
        environment = dict(os.environ, PORT=str(self.port), DEMO_DIR=self.folder)
        environment.pop("STORE", None)
        self.process = subprocess.Popen(
            [os.path.join(ROOT, "scripts/demo")], env=environment, text=True,
            stdout=subprocess.PIPE, stderr=sys.stderr, start_new_session=True)
        for line in self.process.stdout:
            if line.startswith("ready "):
                self.url = line.split()[1]
                break
        else:
            raise RuntimeError("the demo did not get ready")
        return time.monotonic() - began

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def nginx(self):
        with open(os.path.join(self.folder, "nginx.pid")) as file:
            return int(file.read())


def browser(folder):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                 "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", "--window-size=1200,900",
                 "--disable-dev-shm-usage", f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


class Person:
    """One side of the page."""

    def __init__(self, driver, user):
        self.driver = driver
        self.box = driver.find_element(By.CSS_SELECTOR, f'[data-user="{user}"]')

    def at(self, selector):
        return self.box.find_element(By.CSS_SELECTOR, selector)

    def until(self, condition, what):
        try:
            WebDriverWait(self.driver, 20, 0.05).until(lambda _: condition())
            ok(True, what)
        except Exception as error:  # the page as it is, for whoever reads the failure
            print(f"# {error}\n# {self.box.text!r}")
            ok(False, what)

    def texts(self):
        script = ("return [...arguments[0].querySelectorAll('.thread li[data-seq]')]"
                  ".map((item) => item.firstChild.textContent)")
        return self.driver.execute_script(script, self.box)

    def write(self, text):
        area = self.at(".composer textarea")
        area.send_keys(text)
        self.at(".composer button").click()

    def open_with(self, other):
        field = self.at(".start input")
        field.send_keys(other)
        self.at(".start button").click()

    def badge(self):
        return self.at(".bar .badge").text


def chat(demo, driver):
    driver.get(demo.url)
    alice, bob = Person(driver, "alice"), Person(driver, "bob")
    for person, name in ((alice, "Alice"), (bob, "Bob")):
        person.until(lambda p=person: p.at(".connection").text == "connected", f"{name}: connected")
        person.until(lambda p=person, n=name: p.at("h2").text == n, f"{name}: signed in by name")
    ok(bob.badge() == "", "no badge at first")

    alice.open_with("bob")
    alice.until(lambda: alice.at(".composer textarea").is_enabled(), "alice opens a conversation")
    alice.write("Hello Bob")
    bob.until(lambda: "Hello Bob" in bob.at(".list").text, "bob sees it without a reload")
    bob.until(lambda: bob.badge() == "1", "his badge rises")
    alice.write("<b>&</b> \u2028 second")
    bob.until(lambda: bob.badge() == "2", "and rises")
    bob.at(".list button").click()
    bob.until(lambda: len(bob.texts()) == 2, "he opens it and reads both")
    ok(bob.texts()[1].startswith("<b>&</b>"), "text is text, never markup")
    bob.until(lambda: bob.badge() == "", "his badge is gone")
    alice.until(lambda: alice.at(".thread li:last-child").text.endswith("read"), "alice sees it read")
    bob.write("Hello Alice")
    alice.until(lambda: alice.texts()[-1:] == ["Hello Alice"], "his answer is there")

    driver.execute_script("window.untouched = true")
    for number in range(3):
        os.kill(demo.nginx(), signal.SIGHUP)
        alice.write(f"reload {number}")
        bob.until(lambda n=number: f"reload {n}" in bob.texts(), f"nginx reloaded: message {number} arrives")
    for person in (alice, bob):
        person.until(lambda p=person: p.at(".connection").text == "connected", "connected again")
    alice.write("after the reloads")
    expected = ["Hello Bob", "<b>&</b> \u2028 second", "Hello Alice", "reload 0", "reload 1",
                "reload 2", "after the reloads"]
    for person in (alice, bob):
        person.until(lambda p=person: p.texts() == expected, "nothing missing, nothing double")
    ok(driver.execute_script("return window.untouched") is True, "the page was never reloaded")
    errors = [entry["message"] for entry in driver.get_log("browser")
              if entry["level"] == "SEVERE" and "favicon" not in entry["message"]
              and "ERR_" not in entry["message"] and "503" not in entry["message"]]
    ok(errors == [], f"no error in the page {errors}")


def tokens(demo):
    environment = dict(os.environ, DEMO_DIR=demo.folder)
    began = time.monotonic()
    lines = subprocess.run(
        [os.path.join(ROOT, "scripts/demo-token"), *(f"u{n}" for n in range(1000))],
        env=environment, capture_output=True, text=True, check=True).stdout.split()
    ok(len(set(lines)) == 1000, "demo-token: a token for each of a thousand")
    ok(time.monotonic() - began < 1, "in under a second")
    status = subprocess.run(
        ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Authorization: Bearer {lines[7]}",
         f"{demo.url}api/messages/unread-count"], capture_output=True, text=True, check=True).stdout
    ok(status == "200", "the demo accepts it")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def started_again(demo, driver):
    """What dies is started again; the page goes on."""
    everything = {child for keeper in children(demo.process.pid) for child in children(keeper)}
    for pid in everything:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    alice = Person(driver, "alice")
    alice.write("after the crash")
    for person in (alice, Person(driver, "bob")):
        person.until(lambda p=person: p.texts()[-1:] == ["after the crash"],
                     "Redis, worker and nginx killed: the page goes on")


def main():
    folder = tempfile.mkdtemp(prefix="messaging-browser-")
    driver = None
    demo = Demo(os.path.join(folder, "demo"))
    try:
        tokens(demo)
        driver = browser(os.path.join(folder, "profile"))
        chat(demo, driver)
        started_again(demo, driver)
        ok(demo.stop() == 0, "SIGTERM ends the demo")
        with socket.socket() as probe:
            ok(probe.connect_ex(("127.0.0.1", demo.port)) != 0, "and everything that it started")
        ok(demo.start() < 5, "a second start takes under 5 seconds")
        driver.get(demo.url)
        alice = Person(driver, "alice")
        alice.until(lambda: "after the crash" in alice.at(".list").text, "its data is still there")
        with open(os.path.join(demo.folder, "nginx.log")) as log:
            alerts = [line for line in log if "[alert]" in line and "signal 9" not in line]
        ok(alerts == [], f"no alerts {alerts}")
    finally:
        if driver:
            driver.quit()
        if demo.process.poll() is None:
            demo.stop()
        if not os.environ.get("TEST_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)
    print(f"1..{count}")
    sys.exit(1 if failures else 0)


main()
