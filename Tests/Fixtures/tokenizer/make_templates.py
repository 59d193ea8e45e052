#!/usr/bin/env python3
"""Makes the golden file of what chat templates use of Jinja, feature by feature.

    pip install jinja2
    python make_templates.py > features.json

Rendered with jinja2 set up as Hugging Face transformers does.
"""
import json
import sys
import time

import jinja2
import jinja2.ext
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

TEMPLATES = {
    "system-in-first-turn": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set prefix = messages[0]['content'] + '\n\n' -%}
    {%- else -%}
        {%- set prefix = messages[0]['content'][0]['text'] + '\n\n' -%}
    {%- endif -%}
    {%- set rest = messages[1:] -%}
{%- else -%}
    {%- set prefix = "" -%}
    {%- set rest = messages -%}
{%- endif -%}
{%- for message in rest -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("roles must alternate") }}
    {%- endif -%}
    {%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}
    {{ '<start_of_turn>' + role + '\n' + (prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("wrong content") }}
    {%- endif -%}
    {{ '<end_of_turn>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}
""",
    "tools-in-first-message": """{{- bos_token }}
{%- if not date is defined %}{% set date = strftime_now("%d %b %Y") %}{% endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}
{%- else %}{%- set system = "" %}{%- endif %}
{{- "<|h|>system<|/h|>\n\nToday: " + date + "\n\n" + system + "<|eot|>" }}
{%- if tools is not none %}
    {%- if messages | length != 0 %}
        {%- set first = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}
    {%- else %}{{- raise_exception("no first message") }}{%- endif %}
    {%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\n\n" }}{%- endfor %}
    {{- first + "<|eot|>" }}
{%- endif %}
{%- for m in messages %}
    {%- if not (m.role == 'ipython' or m.role == 'tool' or 'tool_calls' in m) %}
        {{- '<|h|>' + m['role'] + '<|/h|>\n\n' + m['content'] | trim + '<|eot|>' }}
    {%- elif 'tool_calls' in m %}
        {%- if not m.tool_calls | length == 1 %}{{- raise_exception("one call only") }}{%- endif %}
    {%- elif m.role == "tool" or m.role == "ipython" %}
        {{- "<|h|>ipython<|/h|>\n\n" }}
        {%- if m.content is mapping or m.content is iterable and m.content is not string %}{{- m.content | tojson }}
        {%- else %}{{- m.content }}{%- endif %}{{- "<|eot|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|h|>assistant<|/h|>\n\n' }}{%- endif %}
""",
    "thinking": """{%- set ns = namespace(last=messages | length - 1, open=true) %}
{%- for m in messages[::-1] %}
    {%- if ns.open and m.role == "user" %}{%- set ns.open = false %}
        {%- set ns.last = messages | length - 1 - loop.index0 %}{%- endif %}
{%- endfor %}
{%- for m in messages %}
    {%- if m.role == "assistant" %}
        {%- set c = m.content %}{%- set r = '' %}
        {%- if '</think>' in c %}
            {%- set r = c.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
            {%- set c = c.split('</think>')[-1].lstrip('\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or r) %}{{- '<think>\n' + r.strip('\n') + '\n</think>\n\n' + c }}
        {%- else %}{{- c }}{%- endif %}
    {%- elif m.role == "tool" %}
        {%- if loop.first or messages[loop.index0 - 1].role != "tool" %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\n<tool_response>\n' + m.content + '\n</tool_response>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != "tool" %}{{- '<|im_end|>\n' }}{%- endif %}
    {%- else %}{{- '<|im_start|>' ~ m.role ~ '\n' ~ m.content ~ '<|im_end|>\n' }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}
{%- endif %}
""",
    "raw": """a {% raw %} {{ x }} {% if %} {# no #} {% endraw %} b
{%- raw -%}
  {{ y }} {%+ z %}
{%- endraw -%}
 c
  {% raw %}
  kept
  {% endraw %}
d {%raw%}{%endraw%} e{% raw %}
{% endraw +%}
f {% raw -%}   g{% endraw -%}   h
""",
    "call": """{% macro box(title, mark='*') %}[{{ title }}{{ mark }}{{ caller(title | upper, n=2) }}]{% endmacro %}
{% set outer = 'o' %}
{% for m in messages %}
{% call(t, n=1, k='d') box(m.role) %}{{ t }}{{ n }}{{ k }}{{ outer }}{{ loop.index }}{{ m.content | length }}{% endcall %}
{% endfor %}
{% macro plain() %}<{{ caller() }}|{{ caller() }}>{% endmacro %}
{% call plain() %} x {{ outer }} {% call plain() %}in{% endcall %}{% endcall %}
{% macro maybe() %}{{ 'with' if caller is defined else 'without' }}{% endmacro %}
{{ maybe() }} {% call maybe() %}{% endcall %}
""",
    "blocks": """{% set text | upper | trim %}  a {{ messages[0].content }} {% set inside = 1 %} {% endset %}<{{ text }}>
{{ inside is defined }}
{% filter replace('a', 'o') | title %}banana {{ 'panama' }} {% set hidden = 1 %}{% endfilter %} {{ hidden is defined }}
{% set a, b = 1, 'two' %}{{ a }}{{ b }}{% set list = [3, 1] + [2] %}{% set list = list + [9] %}{{ list }}
{% set ns = namespace(items=[], n=0) %}
{% for m in messages %}{% set ns.items = ns.items + [m.role] %}{% set ns.n = ns.n + m.content | length %}{% endfor %}
{{ ns.items | join('+') }} {{ ns.n }}
{% generation %}answer{% endgeneration %}
""",
    "loops": """{% for m in messages %}
{% if m.role == 'system' %}{% continue %}{% endif %}
{{ loop.index }}/{{ loop.length }}{{ loop.cycle('a', 'b', 'c') }} {{ loop.previtem.role if loop.previtem is defined }}
{%- if loop.nextitem is defined %} {{ loop.nextitem.role }}{% endif %} {{ loop.revindex }}{{ loop.revindex0 }}
{% for c in m.content %}{% if c == 'o' %}{% break %}{% endif %}{{ c }}{% if loop.index > 3 %}{% break %}{% endif %}
{%- else %}empty{% endfor %}
{% if loop.last %}last{% elif loop.first %}first{% else %}middle{% endif %}

{% endfor %}
{% for m in messages if m.role == 'user' %}{{ loop.index0 }}{{ m.content }}{% else %}nobody{% endfor %}
{% for k, v in {'b': 1, 'a': [2]}.items() %}{{ k }}{{ v }}{{ ';' if not loop.last }}{% endfor %}
{% for i in range(5, 0, -2) %}{{ i }}{% for j in range(i) %}{% if j == 2 %}{% break %}{% endif %}.{% endfor %}{% endfor %}
""",
    "values": """{{ ['b', 'A', 'c'] | sort }} {{ ['b', 'A'] | sort(reverse=true) }} {{ ['b', 'A', 'a'] | unique | list }}
{{ ['b', 'A'] | sort(case_sensitive=true) }} {{ ['b', 'A', 'C'] | max }} {{ [3, 1] | min }}
{{ [{'n': 'x', 'k': 2}, {'n': 'y', 'k': 1}, {'n': 'z', 'k': 2}] | sort(attribute='k', reverse=true) | map(attribute='n') | join }}
{{ {'b': [1, {'c': 'é"'}], 'a': none} | tojson }} {{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }}
{{ [1, {'a': 'ü😀'}] | tojson(separators=(',', ':'), ensure_ascii=true) }} {{ [[], {}, [1]] | tojson(indent=2) }}
{{ 1 is sameas true }} {{ true is sameas true }} {{ none is sameas none }} {{ 'x' is in ['x', 'y'] }} {{ 3 is divisibleby 2 }}
{{ -3 | abs }} {{ - 3 + 5 }} {{ -7 // 2 }} {{ 7 % 3 ~ 'x' }} {{ 2 * 3 // 4 }} {{ not 1 == 2 }} {{ 'a' < 'b' < 'c' }}
{{ 'a\\tb\\\\n\\'q' }} {{ "\\x41\\u00e9" }} {{ 'one' 'two' }} {{ 'x' * 0 if false else 'y' }}
{{ messages | selectattr('role', 'in', ['user', 'tool']) | map(attribute='content') | list | length }}
{{ messages | rejectattr('role', 'equalto', 'system') | list | length }} {{ messages[-1].content[:3] }} {{ messages[0:2] | length }}
{{ 'k=v=w'.split('=', 1)[1] }} {{ 'a,b'.rsplit(',', 1) | last }} {{ ' x\\n'.strip() }} {{ 'abc'.replace('b', '') }} {{ 'aXb'.lower() }}
{{ messages[0].get('content', 'none')[0:1] }} {{ messages[0].missing is defined }} {{ messages[0]['missing'] | default('d') }}
""",
}
TOOLS = json.load(open(__file__.rsplit("/", 1)[0] + "/templates.json" if "/" in __file__ else "templates.json"))["tools"]
CHATS = [
    [("user", "Hello!")],
    [("system", " Be  short. "), ("user", "Hi\n")],
    [("user", "a"), ("assistant", "<think>\nhm\n</think>\n\nfood"), ("user", "{{ x }} {% raw %} é 你好 😀")],
    [("system", "s"), ("user", "boo"), ("assistant", "zoo"), ("tool", "1"), ("tool", "2"), ("assistant", "")],
    [("assistant", "first"), ("user", "")],
]


class Generation(jinja2.ext.Extension):
    """The block that marks the assistant's text; nothing else than its body here."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.Scope(body).set_lineno(line)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def environment():
    result = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    result.filters["tojson"] = tojson
    result.globals["raise_exception"] = raise_exception
    result.globals["strftime_now"] = lambda form: time.strftime(form, time.gmtime(1_721_995_200))
    return result


def main():
    cases = []
    for name, source in TEMPLATES.items():
        template = environment().from_string(source)
        for chat in CHATS:
            messages = [{"role": role, "content": content} for role, content in chat]
            for tools in [False, True] if "tools is" in source else [False]:
                case = {"template": name, "messages": messages, "add_generation_prompt": len(chat) != 5, "tools": tools}
                try:
                    case["output"] = template.render(
                        messages=messages, add_generation_prompt=case["add_generation_prompt"], bos_token="<s>",
                        eos_token="</s>", **({"tools": TOOLS} if tools else {}))
                except jinja2.exceptions.TemplateError as error:
                    case["error"] = str(error)
                cases.append(case)
    json.dump({
        "source": f"PyPI jinja2 {jinja2.__version__}, set up as Hugging Face transformers does", "tools": TOOLS,
        "templates": TEMPLATES, "cases": cases,
    }, sys.stdout, ensure_ascii=False, indent=0)


if __name__ == "__main__":
    main()
