import Testing

@testable import Inference

/// Hostile templates end with an error in bounded time and memory, and never crash.
struct ChatTemplateLimitTests {
    /// Lists in lists: few values, exponentially long as text.
    private static let doubled =
        "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}"

    static let bombs: [String] = [
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(n) %}{{ f(n + 1) ~ f(n + 1) }}{% endmacro %}{{ f(0) }}",
        "{% for a in range(1000000) %}{% for b in range(1000000) %}x{% endfor %}{% endfor %}",
        "{{ range(100000000000) }}", "{{ range(-9223372036854775807, 9223372036854775807) }}",
        "{{ range(0, 5, 0) }}", "{{ range(0, 5, -9223372036854775807 - 1) }}",
        "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{{ ns.s }}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(100000) %}{% set ns.l = [ns.l] %}{% endfor %}",
        doubled + "{{ ns.l | tojson }}",
        doubled + "{{ ns.l == ns.l }}",
        doubled + "{{ ns.l }}",
        "{% set ns = namespace(a=1) %}{% set ns.a = ns %}{{ ns }}",
        "{% set ns = namespace(a=1) %}{% for i in range(100000) %}{% set ns.a = namespace(a=ns.a) %}{% endfor %}",
        "{{ 'a' | replace('', 'b') }}", "{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}",
        "{{ 1 // 0 }}",
        "{{ 1 % 0 }}", "{{ 1 / 0 }}", "{{ 5 % 0.0 }}", "{{ (0 - 9223372036854775807 - 1) // -1 }}",
        "{{ 99999999999999999999 }}",
        "{{ 'abc'[::0] }}", "{{ [1][::-9223372036854775807 - 1] }}", "{{ x.y.z }}", "{{ 'a' + 1 }}", "{{ nothing() }}",
        "{% macro f() %}{% call f() %}{% endcall %}{% endmacro %}{% call f() %}{% endcall %}",
        "{% macro f() %}{{ caller() }}{% endmacro %}"
            + "{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}{{ g() }}",
        "{% set n = namespace() %}{% macro f() %}{% set n.c = caller %}{% endmacro %}{% call f() %}{% endcall %}",
        "{% macro f() %}{{ [caller] }}{% endmacro %}{% call f() %}{% endcall %}", "{% call 1 %}{% endcall %}",
        "{% call nothing() %}{% endcall %}", "{% call %}", "{% raw %}", "{% raw %}{% endraw",
        "{% set x | %}{% endset %}",
        "{% filter %}{% endfilter %}", "{{ [1] | tojson(separators=[1]) }}", "{{ [1] | tojson(separators=[1, 2]) }}",
        "{{ raise_exception('no') }}", "{% include 'x' %}", "{{ 'x' | nofilter }}", "{{ 'x' is notest }}",
        "{{ 'x'.nomethod() }}", "{% if %}", "{% if true %}", "{% endif %}", "{{", "{%", "{#", "{{ 'x }}", "{{ (1 }}",
        "{{ [1 }}",
        "{{ {1 }}", "{{ 1 2 }}", "{% for %}{% endfor %}", "{% set %}", "{{ '\\u12' }}", "{{ '\\ud800' }}", "{{ @ }}",
        "{{ 'x' | indent(100000000) }}", "{{ [1] | tojson(indent=1000000000) }}",
        "{{ [1] | sort(attribute='a.b.c') | first + 1 }}",
    ]

    @Test(arguments: bombs) func bombsAreRefused(source: String) {
        let clock = ContinuousClock()
        let time = clock.measure {
            #expect(throws: InferenceError.self) { _ = try render(source) }
        }
        #expect(time < .seconds(20), "\(time)")
    }

    @Test func deepSourcesAreRefusedOrRendered() {
        let depth = 20_000
        let repeated = { (text: String) in String(repeating: text, count: depth) }
        let sources = [
            "{{ " + repeated("(") + "1" + repeated(")") + " }}", "{{ " + repeated("[") + repeated("]") + " }}",
            "{{ " + repeated("not ") + "1 }}", "{{ " + repeated("-") + "1 }}", "{{ 1" + repeated("+1") + " }}",
            "{{ 1" + repeated("|int") + " }}", "{{ x" + repeated(".a") + " }}", "{{ x" + repeated("[0]") + " }}",
            "{{ 1" + repeated(" if 1 else 1") + " }}", "{{ 1" + repeated(" is odd") + " }}", repeated("{% if 1 %}"),
            repeated("{% for x in y %}"), "{% if 1 %}" + repeated("{% elif 1 %}"), "{{ " + repeated("{'a':") + " }}",
            "{{ 1" + repeated(" and 1") + " }}", "{{ f" + repeated("()") + " }}", "{{ 1" + repeated("~1") + " }}",
            repeated("{% call f() %}"), repeated("{% filter trim %}"), repeated("{% set x %}"),
        ]
        for source in sources {
            #expect(throws: InferenceError.self, "\(source.prefix(40))") { _ = try render(source) }
        }
    }

    /// Whatever is done to a template, it renders or throws.
    @Test func damagedTemplatesDoNotCrash() throws {
        struct Golden: Decodable { var templates: [String: String] }
        var random = SeededRandom(state: 5)
        let templates = try ["templates.json", "features.json"].flatMap { file in
            try Fixture.decode(Golden.self, file).templates.sorted { $0.key < $1.key }
        }
        var rendered = 0
        for (_, source) in templates {
            for _ in 0..<60 {
                var bytes = Array(source.utf8)
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let start = Int.random(in: 0..<bytes.count, using: &random)
                    let end = min(bytes.count, start + Int.random(in: 0...8, using: &random))
                    let other = Int.random(in: 0..<bytes.count, using: &random)
                    bytes.replaceSubrange(start..<end, with: Array(bytes[other..<min(bytes.count, other + 8)]))
                }
                if (try? render(String(decoding: bytes, as: UTF8.self))) != nil { rendered += 1 }
            }
        }
        #expect(rendered > 0)
    }

    @Test func provenanceFollowsText() throws {
        let source = """
            {% set c = messages[0].content %}{{ 'T' + c[1:3] ~ 'T' }}{{ c | upper | trim }}{{ ['T', c] | join('T') }}\
            {{ c | replace('b', 'T') }}{{ c.split('c')[0] }}{{ messages | tojson }}{{ 12 }}{{ bos_token }}
            """
        let segments = try ChatTemplate(source: source).renderSegments(
            messages: [ChatMessage(role: "r", content: "abcd")], addGenerationPrompt: true, bosToken: "T")
        #expect(
            segments.map { ($0.isTemplateText ? "+" : "-") + $0.text } == [
                "+T", "-bc", "+T", "-ABCD", "+TT", "-abcda", "+T", "-cdab[{\"role\": \"r\", \"content\": \"abcd\"}]",
                "+12T",
            ])
        #expect(try ChatTemplate(source: "").renderSegments(messages: [], addGenerationPrompt: false).isEmpty)
    }

    /// Templates that make special tokens of roles: only a role of the list may become part of one.
    @Test(arguments: ["{{ '<|' + m.role + '|>' }}", "{{ '<|' ~ m['role'] | lower | trim ~ '|>' }}"])
    func rolesOfTheListCountAsTemplateText(source: String) throws {
        let template = try ChatTemplate(source: "{% for m in messages %}\(source){{ m.content }}{% endfor %}")
        func segments(_ role: String) throws -> [String] {
            try template.renderSegments(messages: [ChatMessage(role: role, content: "user")], addGenerationPrompt: true)
                .map { ($0.isTemplateText ? "+" : "-") + $0.text }
        }
        for role in ["system", "user", "assistant", "tool"] {
            #expect(try segments(role) == ["+<|\(role)|>", "-user"])
        }
        #expect(try segments("robot") == ["+<|", "-robot", "+|>", "-user"])
    }

    private func render(_ source: String) throws -> String {
        try ChatTemplate(source: source).render(
            messages: [ChatMessage(role: "user", content: "Hi"), ChatMessage(role: "assistant", content: "Ho")],
            addGenerationPrompt: true)
    }
}
