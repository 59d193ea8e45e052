"""The chat of the page: asks, stops, edits, asks again; parameters; the keyboard alone."""

import page_fleet
import page_probes as probes
from page_browser import wait
from page_gateway import FakeGateway

QUESTION = "How does a pipeline work?"
TEXT = ".assistant .text:not(.thoughts)"


def element(name):
    return f"document.getElementById('{name}')"


class ChatTest:
    """One chat in one size."""

    def __init__(self, browser, check, size, width, height):
        self.check, self.size = check, size
        self.gateway = FakeGateway(page_fleet.fleet(8), probes.ANSWER)
        view = "chat" if size == "phone" else "fleet"
        self.tab = browser.tab(f"{self.gateway.url}/#/{view}", width, height, dark=size == "tablet")
        self.tab.until("document.querySelector('#health').classList.contains('ready')", "not ready")

    def close(self):
        self.tab.close()
        self.gateway.close()

    def that(self, condition, what):
        self.check(condition, f"{self.size}: {what}")

    def until(self, expression, what):
        self.tab.until(expression, f"{self.size}: {what}")

    def press_last(self):
        """Asks for another answer to the last question."""
        self.tab.value("[...document.querySelectorAll('.assistant .tools button')].at(-1).click(); 1")

    def asks(self, look):
        self.tab.value(f"{element('prompt')}.focus(); 1")
        self.tab.type(QUESTION)
        self.tab.key("Enter", 13, "\r")
        figures = "document.querySelector('.assistant .facts')?.textContent.includes('86 tokens · 41.7 tokens/s')"
        self.until(figures, "no answer with its figures")
        body = self.gateway.asked[-1]
        self.that(body["messages"] == [{"role": "user", "content": QUESTION}], "the question is asked")
        self.that(body["stream"] is True and "temperature" not in body, "what is not set is left to the server")
        value = self.tab.value
        self.that(value(f"document.querySelector('{TEXT} strong').textContent") == "pipeline", "markdown is shown")
        parts = f"document.querySelectorAll('{TEXT} pre, .assistant table, .assistant ol li').length"
        self.that(value(parts) == 5, "code, table and list are shown")
        folded = "(f => !f.open && !f.hidden && f.innerText.includes('Thoughts'))(document.querySelector('.assistant .fold'))"
        self.that(value(folded), "thoughts are folded")
        self.that("decode-0" in value("document.querySelector('.times').textContent"), "it says where the time went")
        self.that("pipeline" in value(f"{element('said')}.textContent"), "a screen reader hears the answer")
        look(f"chat-{self.size}")

    def sets(self, look):
        self.tab.value("document.querySelector('#composer details').open = true; 1")
        for name, text in [("parameter-temperature", "0.4"), ("parameter-seed", "7"), ("system", "Be brief.")]:
            self.tab.value(f"{element(name)}.value = '{text}'; 1")
        look(f"parameters-{self.size}")
        self.press_last()
        wait(lambda: len(self.gateway.asked) == 2, f"{self.size}: it does not ask again")
        again = self.gateway.asked[-1]
        told = [message["content"] for message in again["messages"]]
        self.that(told == ["Be brief.", QUESTION], "the system prompt comes first, and the old answer has gone")
        self.that(again["temperature"] == 0.4 and again["seed"] == 7, "parameters are sent")
        self.until(f"{element('send')}.textContent === 'Send'", "the answer does not end")

    def edits(self):
        self.tab.value(f"{element('parameter-temperature')}.value = '9'; 1")
        self.tab.value("document.querySelector('.user .tools button').click(); 1")
        self.that(self.tab.value(f"{element('prompt')}.value") == QUESTION, "a question can be edited")
        self.that(self.tab.value("document.querySelectorAll('.message').length") == 0, "its answer goes")
        self.tab.key("Enter", 13, "\r")
        named = "document.querySelector('.problem')?.textContent.includes('Temperature must be from 0 to 2')"
        self.until(named, "a wrong parameter is not named")
        self.that(len(self.gateway.asked) == 2, "what is wrong is not sent")
        self.tab.value(f"{element('parameter-temperature')}.value = ''; 1")

    def stops(self):
        self.gateway.pace = 0.05
        self.press_last()
        self.until(f"document.querySelector('{TEXT}').textContent.length > 5", "nothing comes")
        self.tab.value(f"{element('prompt')}.focus(); 1")
        self.tab.key("Escape", 27)
        self.until("document.querySelector('.assistant .facts').textContent.includes('stopped')", "it does not stop")
        wait(lambda: self.gateway.broken, f"{self.size}: the server does not notice that nobody reads any more")
        self.that(self.tab.problems() == [], "the console is silent after stopping")
