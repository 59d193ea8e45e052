import Foundation
import ServiceRuntime

/// What the gateway is told. The table of its settings is `keys`.
struct GatewayConfiguration: Sendable {
    /// The model file; only its vocabulary and metadata are read.
    var modelPath: String
    /// The id that clients use; the name of the file where absent.
    var modelAlias: String?
    /// Other names that clients may use.
    var aliases: [String] = []
    /// Most tokens of prompt and output; the model's own limit where absent.
    var context: Int?
    /// Where HTTP listens.
    var host = "127.0.0.1"
    /// Where HTTP listens; 0 takes a free port.
    var port = 8080
    /// Most bytes of a body.
    var maximumBodyBytes = 4 << 20
    /// Most open connections.
    var maximumConnections = 2048
    /// A connection on which no request begins, or none gets further, for this long is closed.
    var idleTimeout: Duration = .seconds(75)
    /// Time for a whole body.
    var bodyTimeout: Duration = .seconds(30)
    /// A client that does not read for this long is disconnected.
    var writeTimeout: Duration = .seconds(60)
    /// Silence after which a stream gets a comment; `nil` turns them off.
    var keepAlive: Duration? = .seconds(15)
    /// Running streams have this long after a request to stop.
    var drain: Duration = .seconds(30)
    /// Names of this server besides those of the machine and its addresses; `*`: every name.
    var hosts: [String] = []
    /// Origins whose pages may use it; `*`: all.
    var corsOrigins: Set<String> = []
    /// Accepted API keys; none means that everybody may ask.
    var apiKeys: [APIKey] = []
    /// Bounds of one request.
    var requestLimits = RequestLimits()
    /// Limits of the core.
    var limits = GatewayLimits()
    /// How long the scheduler may take to route a request.
    var acceptTimeout: Duration = .seconds(150)
    /// Where it binds and connects.
    var addresses = Addresses()
    /// What workers are told to send tokens to; the bound endpoint where absent.
    var announce: String?

    /// Makes a configuration of defaults.
    init(modelPath: String) { self.modelPath = modelPath }

    /// Every setting of the gateway.
    static let keys: [SettingKey] =
        [
            SettingKey("model.path", "", "the GGUF file; the gateway reads vocabulary and metadata only"),
            SettingKey("model.alias", "", "the model's id for clients; default: the file's name without .gguf"),
            SettingKey("gateway.aliases", "", "other names of the model for clients, with commas between"),
            SettingKey("model.context", "", "most tokens of prompt and output; default: the model's own limit"),
            SettingKey("gateway.host", "127.0.0.1", "address that HTTP listens on"),
            SettingKey("gateway.port", "8080", "port that HTTP listens on; 0 takes a free one"),
            SettingKey("gateway.announce", "", "tokens endpoint that workers are told; default: the bound one"),
            SettingKey("gateway.max_body", "4M", "largest body of a request"),
            SettingKey("gateway.max_connections", "2048", "most open connections"),
            SettingKey("gateway.max_requests", "256", "most sequences that run or wait; more get 503"),
            SettingKey("gateway.max_choices", "8", "most choices of a prompt (n)"),
            SettingKey("gateway.max_prompts", "128", "most prompts of a request, and n times prompts"),
            SettingKey(
                "gateway.default_max_tokens", "",
                "tokens to generate where the client does not say; default: to the context"),
            SettingKey("gateway.idle_timeout_s", "75", "time after which a connection without a request is closed"),
            SettingKey("gateway.body_timeout_s", "30", "time for the body of a request"),
            SettingKey("gateway.write_timeout_s", "60", "time after which a client that does not read is cut off"),
            SettingKey("gateway.keep_alive_s", "15", "silence before a comment is sent on a stream; 0 is off"),
            SettingKey("gateway.drain_s", "30", "time that running streams have after a request to stop"),
            SettingKey("gateway.accept_timeout_s", "150", "time that the scheduler has to route a request"),
            SettingKey("gateway.continuation_s", "60", "time that a lost request is submitted again for"),
            SettingKey("gateway.stall_s", "120", "time without a token after which a request counts as lost"),
            SettingKey(
                "gateway.api_keys", "", "accepted API keys, with commas between: KEY or NAME KEY [N/min]; none: no key",
                isSecret: true),
            SettingKey(
                "gateway.hosts", "",
                "names in URLs besides localhost, addresses and the machine's name, with commas between; *: every name"),
            SettingKey("gateway.cors_origins", "", "origins whose pages may use it, with commas between; *: all"),
            SettingKey("gateway.api_key_file", "", "file of accepted API keys, one a line, as above"),
        ] + EndpointSetting.keys(binding: [.tokens])

    /// Reads the settings of `keys`.
    init(reader settings: Settings) throws {
        modelPath = try settings.string("model.path")
        modelAlias = try settings.optionalString("model.alias")
            .map { text throws(RuntimeError) in try ModelNames.read(text, setting: "model.alias") }?.first
        aliases = try ModelNames.read(settings.optionalString("gateway.aliases") ?? "", setting: "gateway.aliases")
        if settings.optionalString("model.context") != nil {
            context = try settings.int("model.context", in: 2...10_000_000)
        }
        host = try settings.string("gateway.host")
        port = try settings.int("gateway.port", in: 0...65535)
        announce = settings.optionalString("gateway.announce")
        maximumBodyBytes = try settings.bytes("gateway.max_body")
        maximumConnections = try settings.int("gateway.max_connections", in: 1...100_000)
        limits.sequences = try settings.int("gateway.max_requests", in: 1...100_000)
        requestLimits.choices = try settings.int("gateway.max_choices", in: 1...1024)
        requestLimits.prompts = try settings.int("gateway.max_prompts", in: 1...1024)
        if settings.optionalString("gateway.default_max_tokens") != nil {
            requestLimits.defaultMaxTokens = try settings.int("gateway.default_max_tokens", in: 1...10_000_000)
        }
        idleTimeout = .seconds(try settings.double("gateway.idle_timeout_s", in: 0.1...3600))
        writeTimeout = .seconds(try settings.double("gateway.write_timeout_s", in: 1...3600))
        bodyTimeout = .seconds(try settings.double("gateway.body_timeout_s", in: 0.1...3600))
        hosts = try ModelNames.read(settings.optionalString("gateway.hosts") ?? "", setting: "gateway.hosts")
        do throws(OriginError) {
            corsOrigins = try BrowserPolicy.read(settings.optionalString("gateway.cors_origins") ?? "")
        } catch {
            throw RuntimeError(
                .badSetting, "gateway.cors_origins: \(error.text) is no origin like https://chat.example")
        }
        let silence = try settings.double("gateway.keep_alive_s", in: 0...3600)
        keepAlive = silence > 0 ? .seconds(silence) : nil
        drain = .seconds(try settings.double("gateway.drain_s", in: 0...600))
        acceptTimeout = .seconds(try settings.double("gateway.accept_timeout_s", in: 1...3600))
        limits.continuation = try settings.double("gateway.continuation_s", in: 0...3600)
        limits.stall = try settings.double("gateway.stall_s", in: 1...3600)
        apiKeys = try Self.readKeys(settings)
        addresses = try Addresses(settings, binding: [.tokens])
    }

    private static func readKeys(_ settings: Settings) throws -> [APIKey] {
        var text = settings.optionalString("gateway.api_keys") ?? ""
        if let file = settings.optionalString("gateway.api_key_file") {
            do {
                text += "\n" + (try String(contentsOfFile: file, encoding: .utf8))
            } catch {
                throw RuntimeError(.file, "gateway.api_key_file: \(file) cannot be read")
            }
            guard text.contains(where: { !$0.isWhitespace }) else {
                throw RuntimeError(.badSetting, "gateway.api_key_file: \(file) holds no key")
            }
        }
        return try APIKey.read(text, setting: "gateway.api_keys")
    }
}
