"""The page of the gateway in a real browser: shown in three sizes for fleets of three sizes, chatted with, attacked.

It needs Chromium and websocket-client. The gateway is a small fake one; it serves the real files with the real policy.
"""

import argparse
import sys
from pathlib import Path

import page_fleet
import page_probes as probes
from page_browser import Browser, program, wait
from page_chat import ChatTest
from page_gateway import FakeGateway, files

SIZES = {"phone": (390, 844), "tablet": (1024, 768), "desktop": (1600, 1000)}
VIEWS = ["fleet", "requests", "steps", "plan", "log"]
MOST_BYTES = 200_000


class Checks:
    """Counts what was checked and says what was wrong."""

    def __init__(self):
        self.count, self.failures = 0, []

    def __call__(self, condition, what):
        self.count += 1
        if not condition:
            self.failures.append(what)
            print(f"FAILED: {what}", file=sys.stderr)


def look(tab, check, where, folder=None):
    """What must hold on every page."""
    check(tab.value(probes.FITS), f"{where}: nothing reaches over the side")
    check(tab.value(probes.NAMED), f"{where}: everything that can be used has a name")
    problems = tab.problems()
    check(problems == [], f"{where}: the console is silent, and said {problems}")
    if folder:
        tab.picture(Path(folder, f"{where}.png"))


def show_fleets(browser, check, folder):
    """Every view in every size for every fleet."""
    for count in (1, 8, 64):
        picture = page_fleet.fleet(count)
        gateway = FakeGateway(picture, probes.ANSWER, steps=page_fleet.steps(picture))
        for size, (width, height) in SIZES.items():
            dark = count == 8 and size != "tablet"
            tab = browser.tab(f"{gateway.url}/#/fleet", width, height, dark=dark, calm=True)
            where = f"{count}-{size}"
            tab.until(f"document.querySelectorAll('.card').length === {count}", f"{where}: not all devices are shown")
            check(tab.value(probes.NAMES) == sorted(picture["devices"]), f"{where}: the devices are those of the fleet")
            check(tab.value(probes.WORDS) == "Ready", f"{where}: it says that it is ready")
            check(tab.value(probes.INSIDE), f"{where}: every card is inside the picture")
            check(tab.value(probes.APART), f"{where}: no card covers another one")
            look(tab, check, f"{where}-fleet", folder)
            for view in VIEWS[1:]:
                tab.value(f"location.hash = '/{view}'; 1")
                shown = f"(e => e.offsetParent !== null && e.innerText.length > 20)(document.getElementById('{view}'))"
                tab.until(shown, f"{where}: {view} shows nothing")
                if view == "steps":
                    some = "[...document.querySelectorAll('.gantt-rows .share')].some(e => !e.textContent.startsWith('0'))"
                    tab.until(some, f"{where}: no steps are shown")
                look(tab, check, f"{where}-{view}", folder)
            tab.close()
            queries = [query for _, query in gateway.streams]
            check(queries == ["", "steps=1", ""], f"{where}: steps are asked for only while they are shown")
            gateway.streams.clear()
        gateway.close()


def chat(browser, check, folder):
    """The chat, in every size."""
    for size, (width, height) in SIZES.items():
        test = ChatTest(browser, check, size, width, height)

        def look_here(where, test=test):
            look(test.tab, check, where, folder)

        test.asks(look_here)
        test.sets(look_here)
        test.edits()
        test.stops()
        test.close()


def attacked_fleet():
    """A fleet in which everything that has a name is called something evil."""
    names = page_fleet.ATTACKS
    picture = page_fleet.fleet(len(names), names)
    picture["status"]["obstacle"] = names[0]
    picture["gateway"]["model"] = names[0]
    picture["plan"]["relaxations"] = names
    picture["log"]["9"] = [4920, "error", names[1], names[0]]
    course = next(iter(picture["requests"].values()))
    picture["requests"][names[0]] = dict(course, problem=names[1], prefill_replica=names[0])
    return picture


def attack(browser, check, folder):
    """Nothing that a model or a device says is executed, fetched or followed."""
    picture = attacked_fleet()
    for size, (width, height) in SIZES.items():
        where = f"attack-{size}"
        gateway = FakeGateway(picture, (probes.ATTACK, probes.ATTACK), steps=page_fleet.steps(picture), pace=0)
        tab = browser.tab(f"{gateway.url}/#/chat", width, height)
        tab.value("document.getElementById('prompt').focus(); 1")
        tab.type(probes.ATTACK)
        tab.key("Enter", 13, "\r")
        tab.until("document.querySelector('.assistant .facts')?.textContent.includes('86 tokens')", f"{where}: no answer")
        tab.value("document.querySelector('.assistant .fold').open = true; 1")
        for view in VIEWS:
            tab.value(f"location.hash = '/{view}'; 1")
            tab.until(f"document.getElementById('{view}').offsetParent !== null", f"{where}: {view} is not shown")
            press = "e.dispatchEvent(new MouseEvent('click', {bubbles: true}))"
            tab.value(f"document.querySelectorAll('.card, .request .id').forEach(e => {press}); 1")
            check(tab.foreign(gateway.url) == [], f"{where}-{view}: nothing else is asked")
            look(tab, check, f"{where}-{view}", folder)
        tab.value("location.hash = '/chat'; 1")
        untouched = "window.attacked === undefined && Object.prototype.state === undefined"
        check(tab.value(untouched), f"{where}: nothing is executed")
        check(tab.value(probes.OWN), f"{where}: there is nothing but the page's own")
        check(tab.value(probes.LINKS), f"{where}: links lead to the web only")
        check(tab.value(probes.QUIET), f"{where}: no element has a handler as an attribute")
        look(tab, check, f"{where}-chat", folder)
        tab.close()
        gateway.close()


def follow(browser, check):
    """Changes, losses of the connection, cancelling."""
    picture = page_fleet.fleet(8)
    gateway = FakeGateway(picture, probes.ANSWER)
    tab = browser.tab(f"{gateway.url}/#/requests", 1600, 1000)
    count = len(picture["requests"])
    tab.until(f"document.querySelectorAll('.request').length === {count}", "not all requests are shown")
    tab.value("[...document.querySelectorAll('.request:not(.ended) .danger')].at(-1).click(); 1")
    wait(lambda: gateway.cancelled, "cancelling does not reach the server")
    check(gateway.cancelled[0] in picture["requests"], "the request that is shown is cancelled")
    running = next(name for name, course in picture["requests"].items() if course["state"] == "running")
    gateway.push({"requests": {running: None}, "status": {"now_s": 5001}})
    tab.until(f"document.querySelectorAll('.request').length === {count - 1}", "a request that has gone stays")
    gateway.push({"status": {"ready": False, "obstacle": "the scheduler is not reachable"}})
    tab.until(f"{probes.WORDS} === 'the scheduler is not reachable'", "an obstacle is not told")
    gateway.end_streams()
    wait(lambda: len(gateway.streams) == 2, "it does not come back")
    check(gateway.streams == [("", ""), ("s-3", "")], "it says what it has when it comes back")
    gateway.push({"status": {"ready": True, "obstacle": None}})
    tab.until(f"{probes.WORDS} === 'Ready'", "after coming back it takes no changes")
    tab.value("location.hash = '/fleet'; 1")
    tab.until("document.querySelectorAll('.card').length === 8", "no devices")
    tab.value("document.querySelector('.card').focus(); 1")
    tab.key("Enter", 13, "\r")
    tab.until("!document.querySelector('.detail').hidden", "the keyboard does not choose a device")
    newcomer = {"state": "measuring", "host": "h", "memory_usable_bytes": 1 << 30}
    gateway.push({"devices": {next(iter(picture["devices"])): None, "new-one": newcomer}})
    joined = "[...document.querySelectorAll('.card')].some(e => e.getAttribute('aria-label').startsWith('new-one'))"
    tab.until(joined, "a device that joins is not shown")
    check(tab.problems() == [], "the console is silent")
    tab.close()
    gateway.close()


def what_if_answer(picture):
    """The plan in force beside one without its last device, and a device with an evil name."""
    plan = picture["plan"]
    stages = [(stage, replica) for replica in plan["replicas"] for stage in replica["stages"]]
    devices = []
    for number, (stage, replica) in enumerate(stages):
        now = {"replica": replica["id"], "role": replica["role"], "layers": stage["layers"], "predicted_decode_s": 0.01}
        device = {"device": stage["device"], "now": now, "differs": number == len(stages) - 1}
        devices.append(device if device["differs"] else dict(device, then=now))
    devices.append({"device": page_fleet.ATTACKS[0], "differs": False})
    side = {"plan": plan, "requests_per_s": 2.5, "prompt_tokens_per_s": 640, "output_tokens_per_s": 320}
    return {
        "in_force": side,
        "preview": dict(side, requests_per_s=1.25),
        "in_force_requests_per_s": 0.5,
        "move": {"replaces": True, "reason": page_fleet.ATTACKS[1]},
        "devices": devices,
        "search_s": 0.5,
    }


def what_if(browser, check, folder):
    """Questions what the plan would be, and the limits of quick requests."""
    picture = page_fleet.fleet(8)
    for size, (width, height) in SIZES.items():
        where = f"what-if-{size}"
        gateway = FakeGateway(picture, probes.ANSWER)
        answer = what_if_answer(picture)
        gateway.plans = [(200, answer), (409, {"error": {"message": "the model lacks 5 MB"}})]
        tab = browser.tab(f"{gateway.url}/#/plan", width, height, dark=size == "tablet", calm=True)
        tab.until("document.querySelectorAll('.checks input').length === 8", f"{where}: not all devices are offered")
        tab.value("document.querySelector('.what-if-fold summary').focus(); 1")
        tab.key("Enter", 13, "\r")
        tab.until("document.querySelector('.what-if').offsetParent !== null", f"{where}: the keyboard does not open it")
        look(tab, check, f"{where}-form", folder)
        gone = tab.value("(e => { e.click(); return e.value; })(document.querySelector('.checks input'))")
        tab.value("document.getElementById('what-if-prompt').focus(); 1")
        tab.type("512")
        tab.key("Enter", 13, "\r")
        rows = len(answer["devices"]) + 3
        tab.until(f"document.querySelectorAll('.what-if-fold tbody tr').length === {rows}", f"{where}: no answer is shown")
        asked = {"without": [gone], "workload": {"prompt_tokens": 512}}
        check(gateway.questions == [asked], f"{where}: the question is what was filled in, and was {gateway.questions}")
        marked = "document.querySelectorAll('.what-if-fold .differs').length"
        check(tab.value(marked) == 2, f"{where}: the rate and the device that differ are marked")
        check(tab.value(f"{marked} === [...document.querySelectorAll('.what-if-fold .ratio')].filter(e => e.textContent).length"),
              f"{where}: differences are told in words as well")
        check(tab.value(probes.OWN), f"{where}: there is nothing but the page's own")
        look(tab, check, f"{where}-answer", folder)
        tab.value("document.querySelector('.what-if button').click(); 1")
        refused = "document.querySelector('.what-if-fold .said').textContent === 'the model lacks 5 MB'"
        tab.until(refused, f"{where}: the planner's sentence is not told")
        check(tab.value("document.querySelector('.what-if-fold .scroll').hidden"), f"{where}: an old answer does not stay")
        check(all("409" in problem for problem in tab.problems()), f"{where}: the console tells of the refusal only")
        limits(tab, check, where, folder)
        tab.close()
        gateway.close()


def limits(tab, check, where, folder):
    """Sets other limits of quick requests, which last."""
    tab.until("document.querySelector('.figure-button')?.textContent.includes('%')", f"{where}: no share is shown")
    tab.value("document.querySelector('.figure-button').focus(); 1")
    tab.key("Enter", 13, "\r")
    tab.until("document.getElementById('limits-dialog').open", f"{where}: the keyboard does not open the limits")
    look(tab, check, f"{where}-limits", folder)
    tab.value("document.getElementById('limit-ttft').value = '0.001'; document.getElementById('limit-ttft').focus(); 1")
    tab.key("Enter", 13, "\r")
    strict = "document.querySelector('.figure-button').getAttribute('aria-label').includes('1\\u00a0ms')"
    tab.until(strict, f"{where}: other limits are not taken")
    check(tab.value("document.querySelector('.figure-button').textContent.startsWith('0')"), f"{where}: nothing is that quick")
    check(tab.value("JSON.parse(localStorage.getItem('e2llm-limits')).ttft") == 0.001, f"{where}: limits are kept")
    tab.value("localStorage.clear(); 1")


def keys(browser, check):
    """A gateway with keys."""
    gateway = FakeGateway(page_fleet.fleet(8), probes.ANSWER, key="sk-right")
    tab = browser.tab(f"{gateway.url}/", 1024, 768)
    for typed in ["sk-wrong", "sk-right"]:
        asks = "document.getElementById('key-dialog').open && document.activeElement.id === 'key'"
        tab.until(asks, f"it does not ask for a key before {typed}")
        tab.type(typed)
        tab.key("Enter", 13, "\r")
        tab.until("document.getElementById('key').value === ''", "the dialog stays")
    tab.until("document.querySelectorAll('.card').length === 8", "with the key nothing is shown")
    check("sk-right" not in tab.value(probes.KEPT), "the key is in no place that outlives the tab or is shown")
    check(tab.value("sessionStorage.length") == 1, "the key is kept in the tab's storage")
    tab.close()
    gateway.close()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--screenshots", help="a folder for pictures of everything")
    arguments.add_argument("--only", help="fleets, chat, attack, follow, what-if or keys")
    options = arguments.parse_args()
    if program() is None:
        sys.exit("Chromium is missing: install Debian's chromium")
    folder = options.screenshots
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    check = Checks()
    size = sum(len(content) for path, (_, content) in files().items() if path != "/favicon.ico")
    check(size <= MOST_BYTES, f"the page has {size} bytes of at most {MOST_BYTES}")
    parts = {
        "fleets": lambda browser: show_fleets(browser, check, folder),
        "chat": lambda browser: chat(browser, check, folder),
        "attack": lambda browser: attack(browser, check, folder),
        "follow": lambda browser: follow(browser, check),
        "what-if": lambda browser: what_if(browser, check, folder),
        "keys": lambda browser: keys(browser, check),
    }
    with Browser() as browser:
        for name, part in parts.items():
            if options.only in (None, name):
                part(browser)
    if check.failures:
        sys.exit(f"{len(check.failures)} of {check.count} checks failed")
    print(f"the page: {check.count} checks passed, {size} bytes")


if __name__ == "__main__":
    main()
