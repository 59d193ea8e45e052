import HTTPTypes
import Hummingbird
import HummingbirdCore

/// `/openapi.json`, and `/docs`: the same as a page that loads nothing from elsewhere.
enum DescriptionRoutes {
    /// The files.
    static let files = [
        PageRoutes.File("/openapi.json", "application/json", OpenAPI.document.serialized()),
        PageRoutes.File("/docs", "text/html; charset=utf-8", Array(page.utf8)),
        PageRoutes.File("/docs.css", "text/css; charset=utf-8", Array(style.utf8)),
    ]

    /// Adds them to a table.
    static func add(to routes: inout RouteTable) {
        for file in files {
            routes.on(.get, file.path, needsKey: false) { request, _ in PageRoutes.answer(file, to: request.headers) }
        }
    }

    private static var page: String {
        var groups: [String] = []
        for operation in Operation.all where !groups.contains(operation.group) { groups.append(operation.group) }
        let sections = groups.map { group in
            let rows = Operation.all.filter { $0.group == group }.map(row).joined(separator: "\n")
            return "<h2>\(escape(group))</h2>\n<table>\n\(rows)\n</table>"
        }
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>E2LLM: HTTP interface</title>
            <link rel="icon" href="/favicon.svg">
            <link rel="stylesheet" href="/docs.css">
            </head>
            <body>
            <h1>HTTP interface</h1>
            <p>The same for programs: <a href="/openapi.json">openapi.json</a>. The fleet itself: <a href="/">its page</a>.
            Where the server has keys, requests need one as <code>Authorization: Bearer</code> or <code>x-api-key</code>,
            except those marked open. Bodies are <code>application/json</code>.</p>
            \(sections.joined(separator: "\n"))
            </body>
            </html>

            """
    }

    private static func row(_ operation: Operation) -> String {
        let paths = operation.paths.map { "<code>\(escape($0))</code>" }.joined(separator: "<br>")
        var text = escape(operation.summary)
        if !operation.needsKey { text += " <em>open</em>" }
        if let fields = operation.fields {
            let names = fields.map { field in
                let name = "<code>\(escape(field.name))</code>"
                return field.isRequired ? "<strong>\(name)</strong>" : name
            }
            text += "<br><small>\(names.joined(separator: " "))</small>"
        }
        return "<tr><td>\(operation.method)</td><td>\(paths)</td><td>\(text)</td></tr>"
    }

    private static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    private static let style = """
        :root { color-scheme: light dark; }
        body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; font: 15px/1.55 system-ui, sans-serif; }
        h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
        table { width: 100%; border-collapse: collapse; }
        td { padding: .45rem .8rem .45rem 0; vertical-align: top; border-top: 1px solid rgb(128 128 128 / 30%); }
        td:first-child { width: 3.5rem; font-weight: 600; }
        td:nth-child(2) { width: 19rem; }
        code { font: .9em ui-monospace, "DejaVu Sans Mono", monospace; }
        small code { margin-right: .35em; }

        """
}
