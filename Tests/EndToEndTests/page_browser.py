"""Chromium without a window, driven over the DevTools protocol."""

import base64
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import websocket

PROGRAMS = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]


def program():
    """The browser; `None` where there is none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Browser:
    """One browser with a profile of its own, which is deleted with it."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="e2llm-page-")
        flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-extensions",
            "--disable-background-networking",
        ]
        command = [
            program(),
            *flags,
            "--remote-debugging-port=0",
            "--remote-allow-origins=*",
            f"--user-data-dir={self.folder}",
            "about:blank",
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.connect()
        except BaseException:
            self.end()
            raise
        return self

    def connect(self):
        announced = Path(self.folder, "DevToolsActivePort")
        ready = lambda: announced.exists() and len(announced.read_text().split("\n")) > 1  # noqa: E731
        wait(ready, "the browser does not start", 180)
        port, path = announced.read_text().split("\n")[:2]
        self.socket = websocket.create_connection(f"ws://127.0.0.1:{port}{path}", timeout=60)
        self.number, self.events = 0, []

    def __exit__(self, *_):
        try:
            self.ask("Browser.close")
        except (OSError, websocket.WebSocketException):
            pass
        self.end()

    def end(self):
        """Waits for the browser's end, and makes it end where it was not asked to."""
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, method, session=None, **parameters):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": parameters}
        self.socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while True:
            reply = json.loads(self.socket.recv())
            if reply.get("id") != number:
                self.events.append(reply)
            elif "error" in reply:
                raise RuntimeError(f"{method}: {reply['error']['message']}")
            else:
                return reply["result"]

    def tab(self, url, width, height, dark=False, calm=False):
        """Opens a page in a context of its own."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Tab(self, session, target, url, width, height, dark, calm)


class Tab:
    """One page."""

    def __init__(self, browser, session, target, url, width, height, dark, calm):
        self.browser, self.session, self.target = browser, session, target
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.ask(f"{domain}.enable")
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
        ]
        self.ask("Emulation.setEmulatedMedia", features=features)
        self.ask("Page.navigate", url=url)
        self.until("document.readyState === 'complete'", "the page does not load")

    def ask(self, method, **parameters):
        return self.browser.ask(method, self.session, **parameters)

    def value(self, expression):
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']['exception'].get('description')}")
        return answer["result"].get("value")

    def until(self, expression, problem, seconds=60):
        wait(lambda: self.value(expression), f"{problem}: {expression}", seconds)

    def key(self, name, code, text=""):
        for kind in ["keyDown", "keyUp"]:
            self.ask(
                "Input.dispatchKeyEvent",
                type=kind,
                key=name,
                code=name,
                windowsVirtualKeyCode=code,
                text=text if kind == "keyDown" else "",
            )

    def type(self, text):
        self.ask("Input.insertText", text=text)

    def problems(self):
        """Errors and warnings of the console, violations of the policy, dialogs, exceptions; what is told is forgotten."""
        self.value("1")
        found = []
        for event in [event for event in self.browser.events if event.get("sessionId") == self.session]:
            parameters = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                found.append(details.get("exception", {}).get("description") or details["text"])
            elif event["method"] == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                found.append(parameters["entry"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
                found.append(str([part.get("value") for part in parameters["args"]]))
            elif event["method"] == "Page.javascriptDialogOpening":
                found.append(f"a dialog opened: {parameters['message']}")
                self.ask("Page.handleJavaScriptDialog", accept=False)
        self.browser.events.clear()
        return found

    def foreign(self, url):
        """Requests to anywhere but the gateway."""
        requests = [
            event["params"]["request"]["url"] for event in self.browser.events if event["method"] == "Network.requestWillBeSent"
        ]
        return [asked for asked in requests if not asked.startswith((url, "data:", "about:"))]

    def picture(self, path):
        data = self.ask("Page.captureScreenshot", format="png")["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def close(self):
        self.browser.ask("Target.closeTarget", targetId=self.target)


def wait(condition, problem, seconds=60):
    """Waits until something is so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(problem)
