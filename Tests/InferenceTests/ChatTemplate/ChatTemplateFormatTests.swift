import Testing

@testable import Inference

/// Formats, groups, tuples and methods as jinja2 has them; the results are its own.
struct ChatTemplateFormatTests {
    private func render(_ source: String, content: String = "a & b") throws -> Text {
        let segments = try ChatTemplate(source: source).renderSegments(
            messages: [ChatMessage(role: "user", content: content)], addGenerationPrompt: true)
        return segments.reduce(into: Text()) { $0.append(Text($1.text, isTemplate: $1.isTemplateText)) }
    }

    static let outputs: [(String, String)] = [
        (#"{{ '%s: %s' | format(messages[0].role, messages[0].content) }}"#, #"user: a & b"#),
        (#"{{ '%(a)s-%(b)05.1f' | format(a='x', b=2.25) }}"#, #"x-002.2"#),
        (
            #"{{ '%5d|%-5d|%05d|%+d|% d|%x|%#X|%o' % (42, 42, 42, 42, 42, 255, 255, 8) }}"#,
            #"   42|42   |00042|+42| 42|ff|0XFF|10"#
        ),
        (
            #"{{ '%.2f %e %g %G %.3s %r %c %%' % (3.14159, 12345.678, 0.0001, 1e-10, 'abcdef', 'it', 'x') }}"#,
            #"3.14 1.234568e+04 0.0001 1E-10 abc 'it' x %"#
        ),
        (
            #"{{ '%s' % 'a' }}{{ '%s' % [1, 2] }}{{ '%s %s' % (none, true) }}{{ '%(k)s' % {'k': 1} }}"#,
            #"a[1, 2]None True1"#
        ),
        (#"{{ '%d' % 3.9 }}{{ '%*d' % (5, 1) }}"#, #"3    1"#),
        (#"{{ '{} {0[0]} {n} {n!r} {m[k]}'.replace('{} ', '') }}"#, #"{0[0]} {n} {n!r} {m[k]}"#),
        (#"{{ '{0} {1} {0} {n!r}'.format('a', 2, n='x') }}"#, #"a 2 a 'x'"#),
        (#"{{ '{:>5}|{:<5}|{:^6}|{:*^7}|'.format('a', 'b', 'c', 'd') }}"#, #"    a|b    |  c   |***d***|"#),
        (
            #"{{ '{:05d}|{:+}|{:,}|{:.2f}|{:x}'.format(42, 7, 1234567, 3.14159, 255) }}"#,
            #"00042|+7|1,234,567|3.14|ff"#
        ),
        (#"{{ '{:#b}|{:%}'.format(5, 0.5) }}"#, #"0b101|50.000000%"#),
        (#"{{ '{{{}}} {:{w}} {m[k]} {m.k}'.format(1, 'ab', w=4, m={'k': 'v'}) }}"#, #"{1} ab   v v"#),
        (
            #"{{ '<a href="x">&\'' | e }}{{ '<b>' | escape }}{{ 1 | e }}"#,
            #"&lt;a href=&#34;x&#34;&gt;&amp;&#39;&lt;b&gt;1"#
        ),
        (#"{{ 42.55 | round }} {{ 42.55 | round(1) }} {{ 42.55 | round(1, 'floor') }} "#, #"43.0 42.5 42.5 "#),
        (
            #"{{ 42.1 | round(method='ceil') }} {{ 42 | round }} {{ 2.5 | round }} {{ 2.675 | round(2) }} "#,
            #"43.0 42 2.0 2.67 "#
        ),
        (#"{{ 1234 | round(-2) }}"#, #"1200"#),
        (#"{{ 'one two, three_x 4' | wordcount }}{{ '' | wordcount }}"#, #"40"#),
        (
            #"{{ [1, 2, 3, 4, 5] | batch(2) | list }}{{ [1, 2, 3] | batch(2, 0) | list }}"#,
            #"[[1, 2], [3, 4], [5]][[1, 2], [3, 0]]"#
        ),
        (
            #"{{ [1, 2, 3, 4, 5] | slice(3) | list }}{{ [1, 2, 3, 4] | slice(3, 'x') | list }}"#,
            #"[[1, 2], [3, 4], [5]][[1, 2], [3, 'x'], [4, 'x']]"#
        ),
        (
            #"{% for g in [{'c': 'b'}, {'c': 'A'}, {'c': 'B'}]|groupby('c') %}{{ g.grouper }}{{ g.list }}{% endfor %}"#,
            #"A[{'c': 'A'}]b[{'c': 'b'}, {'c': 'B'}]"#
        ),
        (
            #"{% for k, l in [{'c': 2}, {'c': 1}, {}]|groupby('c', default=0) %}{{ k }}={{ l|length }} {% endfor %}"#,
            #"0=1 1=1 2=1 "#
        ),
        (
            #"{{ 'foo bar baz qux' | truncate(9) }}|{{ 'foo bar baz qux' | truncate(9, leeway=0) }}|"#,
            #"foo...|foo...|"#
        ),
        (#"{{ 'foo bar baz qux' | truncate(9, true, '..', 0) }}|{{ 'foo' | truncate(9) }}|"#, #"foo bar..|foo|"#),
        (#"{{ 'abcdefghijkl' | truncate(5, leeway=0) }}"#, #"ab..."#),
        (#"{{ 'ab' | center(7) }}|{{ 'abc' | center(6) }}|"#, #"   ab  | abc  |"#),
        (
            #"{{ 'a-b-c'.partition('-') }}{{ 'a-b-c'.rpartition('-') }}{{ 'abc'.partition('-') }}"#,
            #"('a', '-', 'b-c')('a-b', '-', 'c')('abc', '', '')"#
        ),
        (#"{{ 'abc'.rpartition('-') }}"#, #"('', '', 'abc')"#),
        (#"{{ 'abcabc'.rfind('b') }}{{ 'abc'.rfind('x') }}{{ 'abcabc'.index('c') }}"#, #"4-12"#),
        (#"{{ 'abcabc'.rindex('c') }}{{ ''.rfind('') }}{{ 'ab'.rfind('') }}"#, #"502"#),
        (
            #"{{ '42'.zfill(5) }}|{{ '-42'.zfill(5) }}|{{ 'ab'.ljust(4) }}|{{ 'ab'.rjust(4, '.') }}|"#,
            #"00042|-0042|ab  |..ab|"#
        ),
        (#"{{ 'ab'.center(5, '*') }}|{{ 'abc'.center(6, '*') }}|{{ 'abc'.ljust(2) }}"#, #"**ab*|*abc**|abc"#),
        (
            #"{{ 'aBc'.swapcase() }}{{ 'Straße'.casefold() }}{{ 'AB1'.isupper() }}{{ 'aB'.isupper() }}"#,
            #"AbCstrasseTrueFalse"#
        ),
        (
            #"{{ '12'.isupper() }}{{ 'ab'.islower() }}{{ 'a1'.isalnum() }}{{ 'a '.isalnum() }}"#,
            #"FalseTrueTrueFalse"#
        ),
        (#"{{ '½'.isnumeric() }}{{ '12'.isdecimal() }}"#, #"TrueTrue"#),
        (#"{{ [1, 2, 1].index(2) }}{{ [1, 2, 1].count(1) }}{{ (3, 4).index(4) }}{{ [].count(1) }}"#, #"1210"#),
        (
            #"{{ 'ab' * 2 }}{{ 3 * 'x' }}{{ 'x' * 0 }}{{ 'x' * -1 }}{{ [1] * 3 }}{{ 2 * (1, 2) }}"#,
            #"ababxxx[1, 1, 1](1, 2, 1, 2)"#
        ),
        (#"{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }} {% endfor %}"#, #"True False True False True "#),
        (
            #"{% for x in [1, 2] %}{{ loop.changed(1, x) }}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}"#,
            #"True10True10"#
        ),
        (
            #"{% macro f(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1) }}{{ f(1, 2, 3, b=4, c=5) }}"#,
            #"1(){}1(2, 3){'b': 4, 'c': 5}"#
        ),
        (
            #"{% macro g(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{% endmacro %}{{ g(1) }}{{ g(1, 3, 4, 5) }}"#,
            #"12()13(4, 5)"#
        ),
        (
            #"{{ (1, 2) }}{{ (1,) }}{{ () }}{{ [(1, 'a')] }}{{ {'a': 1}.items() | list }}"#,
            #"(1, 2)(1,)()[(1, 'a')][('a', 1)]"#
        ),
        (#"{{ {'b': 1, 'a': 2} | dictsort }}{{ (1, 2)[0:1] }}{{ (1,) + (2,) }}"#, #"[('a', 2), ('b', 1)](1,)(1, 2)"#),
        (#"{{ (1, 2) == [1, 2] }}{{ (1, 2) == (1, 2) }}{{ 1 in (1, 2) }}"#, #"FalseTrueTrue"#),
        (#"{{ (1, 2) | tojson }}{{ (1, 2) | list }}"#, #"[1, 2][1, 2]"#),
        (#"{% set a, b = 1, 2 %}{{ a }}{{ b }}"#, #"12"#),
        (#"{{ {'x': {'y': 5}} | attr('x') is defined }}{{ dict(b=1, a=2) }}"#, #"False{'b': 1, 'a': 2}"#),
    ]

    @Test(arguments: outputs)
    func outputsEqualJinja(source: String, output: String) throws {
        #expect(try render(source).string == output)
    }

    /// What a message brings stays its own, however it is formatted.
    @Test(arguments: [
        ("{{ '<%s>' % m }}", "+<-ab+>"), ("{{ '<%-4s>' | format(m) }}", "+<-ab+  >"),
        ("{{ '<{}>'.format(m) }}", "+<-ab+>"),
        ("{{ '<{0:>3}>'.format(m) }}", "+< -ab+>"), ("{{ m.ljust(3) }}", "-ab+ "), ("{{ m * 2 }}", "-abab"),
        ("{{ m.partition('b')[0] }}", "-a"), ("{{ m | truncate(1, true, '!', 0) }}", "+!"), ("{{ m | e }}", "-ab"),
        ("{{ (m, 1) }}", "-('ab', 1)"), ("{{ '%d' % 7 }}", "+7"),
    ])
    func provenanceFollowsFormats(source: String, expected: String) throws {
        let text = try render("{% set m = messages[0].content %}" + source, content: "ab")
        #expect(text.segments.map { ($0.isTemplateText ? "+" : "-") + $0.text }.joined() == expected)
    }

    @Test(arguments: [
        "{{ '%s %s' % 1 }}", "{{ '%s' % (1, 2) }}", "{{ '%d' % 'a' }}", "{{ '%(a)s' % {'b': 1} }}", "{{ '%' % 1 }}",
        "{{ '%z' % 1 }}", "{{ '%99999999999d' % 1 }}", "{{ '%*d' % (9223372036854775807, 1) }}",
        "{{ '%(a' % {'a': 1} }}",
        "{{ '%s' | format(1, a=2) }}", "{{ '%c' % -1 }}", "{{ '{}'.format() }}", "{{ '{a}'.format(1) }}",
        "{{ '{'.format(1) }}", "{{ '}'.format(1) }}", "{{ '{:99999999}'.format(1) }}", "{{ '{:q}'.format(1) }}",
        "{{ '{!x}'.format(1) }}", "{{ '{:d}'.format('a') }}", "{{ '{:{:{}}}'.format(1, 2, 3) }}",
        "{{ 'ab' * 9223372036854775807 }}", "{{ [1, 2] * 9223372036854775807 }}", "{{ 'a'.ljust(100000000000) }}",
        "{{ 'a'.ljust(5, 'xy') }}", "{{ 'a'.index('b') }}", "{{ [1].index(2) }}", "{{ [1].append(2) }}",
        "{{ [1] | batch(9223372036854775807, 0) | list }}", "{{ [1] | batch(0) | list }}",
        "{{ [1] | slice(0) | list }}",
        "{{ 'a' | truncate(2) }}", "{{ 'x' | round }}", "{{ 1 | round(1000) }}", "{{ [1] + (2,) }}",
        "{{ [1] | groupby }}",
        "{% for a in [1, 2] %}{{ loop.changed(loop) }}{% endfor %}", "{% macro f() %}{% endmacro %}{{ f(1) }}",
    ])
    func whatCannotBeIsAnError(source: String) {
        #expect(throws: InferenceError.self) { try render(source) }
    }
}
