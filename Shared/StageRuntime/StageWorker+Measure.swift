import Domain
import Inference
import Logging
import Messaging
import Protocol
import Scheduling
import ServiceRuntime

/// What the profiler asks of a worker: measuring itself and its links.
extension StageWorker {
    func handleRegistry(_ message: WireMessage) async {
        do {
            switch message.type {
            case .profileMeasure: try measureProfile(message, message.body())
            case .linkMeasure: try measureLink(message, message.body())
            case .error: logger.debug("the profiler reports: \(message.reportedError?.message ?? "an error")")
            default:
                try await profiler.reply(
                    to: message,
                    error: Fault("unknown_type", "a worker does not know \(message.type)"))
            }
        } catch {
            try? await profiler.reply(to: message, error: Fault(error))
        }
    }

    private func measureProfile(_ message: WireMessage, _ body: MeasureProfile) throws {
        guard (1...64).contains(body.layers), (0.05...120).contains(body.budgetSeconds), !body.phases.isEmpty else {
            throw Fault("bad_request", "profile.measure: layers, budget_s or phases is out of range")
        }
        let model = model
        let configuration = configuration
        let handover = HandoverMeasurement(
            compute: compute, thread: links.thread, rowBytes: model.description.activationBytesPerToken)
        logger.info("measures \(body.phases.map(\.rawValue).joined(separator: ", ")) on \(body.layers) layers")
        compute.enqueue { _ in
            var measurement = SelfMeasurement(
                threads: configuration.threads, computeShare: configuration.computeShare,
                layers: min(body.layers, model.configuration.layers), budgetSeconds: body.budgetSeconds)
            if !body.phases.contains(.prefill) { measurement.prefillTokens = [] }
            if !body.phases.contains(.decode) {
                measurement.decodeBatches = []
                measurement.headRows = []
            }
            return try measurement.run(model: model, memoryUsableBytes: configuration.memoryUsableBytes)
        } completion: { [profiler, logger] result in
            Task(executorPreference: handover.thread.executor) {
                switch result {
                case .success(var measurements):
                    measurements.handoverSeconds = (try? await handover.run()) ?? 0
                    try? await profiler.reply(to: message, Outgoing(.profileResult, body: measurements))
                case .failure(let error):
                    logger.error("cannot measure: \(error)")
                    try? await profiler.reply(
                        to: message, error: Fault("measurement_failed", "\(error)", isRetriable: true))
                }
            }
        }
    }

    private func measureLink(_ message: WireMessage, _ body: MeasureLink) throws {
        guard (1...WireLimits.maximumFrameBytes).contains(body.payloadBytes), (1...100).contains(body.repetitions)
        else {
            throw Fault("bad_request", "link.measure: payload_bytes or repetitions is out of range")
        }
        let measurement = LinkMeasurement(
            from: configuration.device, request: body, shape: configuration.link, thread: links.thread,
            session: links.session, keyring: links.keyring)
        Task { [profiler, logger] in
            do {
                let link = try await measurement.run()
                try await profiler.reply(to: message, Outgoing(.linkResult, body: LinkResult(link: link)))
            } catch {
                logger.warning("cannot measure the link to \(body.peer): \(error)")
                try? await profiler.reply(
                    to: message, error: Fault("measurement_failed", "\(error)", isRetriable: true))
            }
        }
    }
}

/// Measures a link by echoes: empty ones for the round trip, large ones for the bandwidth.
struct LinkMeasurement: Sendable {
    let from: DeviceID
    let request: MeasureLink
    /// The emulated egress, of which only the way there is part of a round trip.
    let shape: LinkShape?
    let thread: SocketThread
    let session: Session
    let keyring: Keyring?

    func run() async throws -> LinkProfile {
        let client = try await ClientSocket.connect(
            announced: request.endpoint, keyring: keyring, on: thread, session: session, name: "echo",
            link: shape.map { ShapedLink($0) })
        let result: Result<LinkProfile, any Error>
        do { result = .success(try await measure(client)) } catch { result = .failure(error) }
        await client.close()
        return try result.get()
    }

    private func measure(_ client: ClientSocket) async throws -> LinkProfile {
        _ = try await echo(client, bytes: 0)
        var empty: [Double] = []
        var full: [Double] = []
        for _ in 0..<request.repetitions {
            // As between two steps: threads and processors that have slept take longer to wake.
            try await thread.clock.sleep(for: .milliseconds(3))
            empty.append(try await echo(client, bytes: 0))
            full.append(try await echo(client, bytes: request.payloadBytes))
        }
        let roundTrip = median(empty)
        let emulated = shape.map { $0.latency / .seconds(1) } ?? 0
        let latency = emulated + max(0, roundTrip - emulated) / 2
        let transfer = max(median(full) - roundTrip, 1e-7)
        return LinkProfile(
            from: from, to: request.peer, latencySeconds: latency,
            bytesPerSecond: Double(request.payloadBytes) / transfer)
    }

    private func echo(_ client: ClientSocket, bytes: Int) async throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let message = Outgoing(
            .linkEcho, body: LinkEcho(payloadBytes: bytes), tensors: [Frame([UInt8](repeating: 0, count: bytes))])
        _ = try await client.request(message, timeout: .seconds(20))
        return (clock.now - start) / .seconds(1)
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
