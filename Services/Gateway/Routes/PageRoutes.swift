import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// The page at `/` and its parts. It needs no key: what it shows does.
struct PageRoutes: Sendable {
    /// A file of the page.
    struct File: Sendable {
        let path: String
        let type: String
        let content: ByteBuffer
        let tag: String

        init(_ path: String, _ type: String, _ bytes: [UInt8]) {
            (self.path, self.type) = (path, type)
            content = ByteBuffer(bytes: bytes)
            // FNV-1a: another content has another tag, and nobody gains from one that has not.
            let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
            tag = "\"\(String(hash, radix: 16))\""
        }
    }

    private static let script = "text/javascript; charset=utf-8"

    /// All files.
    static let files: [File] = [
        File("/", "text/html; charset=utf-8", PackageResources.index_html),
        File("/page.css", "text/css; charset=utf-8", PackageResources.page_css),
        File("/favicon.svg", "image/svg+xml", PackageResources.favicon_svg),
        File("/favicon.ico", "image/svg+xml", PackageResources.favicon_svg),
        File("/page.js", script, PackageResources.page_js),
        File("/page/chat.js", script, PackageResources.chat_js),
        File("/page/conversation.js", script, PackageResources.conversation_js),
        File("/page/dom.js", script, PackageResources.dom_js),
        File("/page/format.js", script, PackageResources.format_js),
        File("/page/gantt.js", script, PackageResources.gantt_js),
        File("/page/limits.js", script, PackageResources.limits_js),
        File("/page/markdown.js", script, PackageResources.markdown_js),
        File("/page/picture.js", script, PackageResources.picture_js),
        File("/page/plan.js", script, PackageResources.plan_js),
        File("/page/requests.js", script, PackageResources.requests_js),
        File("/page/series.js", script, PackageResources.series_js),
        File("/page/stream.js", script, PackageResources.stream_js),
        File("/page/topology.js", script, PackageResources.topology_js),
        File("/page/whatif.js", script, PackageResources.whatif_js),
    ]

    /// Nothing may be loaded or asked but what this server gives, and no script runs that is not a file of it.
    static let policy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:",
        "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")

    /// Adds the files to a table.
    static func add(to routes: inout RouteTable) {
        for file in files {
            routes.on(.get, file.path, needsKey: false) { request, _ in answer(file, to: request.headers) }
        }
    }

    /// The answer to a request for a file; 304 where the client has it.
    static func answer(_ file: File, to headers: HTTPFields) -> Response {
        var fields = HTTPFields()
        fields[.eTag] = file.tag
        // A new version is seen at once, and an old one costs a question.
        fields[.cacheControl] = "no-cache"
        let known = headers[.ifNoneMatch]?.split(separator: ",").contains { known in
            let tag = known.drop { $0 == " " }
            return tag == "*" || tag.hasPrefix(file.tag) || tag.hasPrefix("W/" + file.tag)
        }
        if known == true { return Response(status: .notModified, headers: fields) }
        fields[.contentType] = file.type
        fields[.contentSecurityPolicy] = policy
        fields[.referrerPolicy] = "no-referrer"
        return Response(status: .ok, headers: fields, body: ResponseBody(byteBuffer: file.content))
    }
}

extension HTTPField.Name {
    fileprivate static let referrerPolicy: HTTPField.Name = {
        guard let name = HTTPField.Name("referrer-policy") else { preconditionFailure("it is a header name") }
        return name
    }()
}
