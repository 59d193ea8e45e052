internal import Glibc

/// The functions that templates can call.
enum TemplateFunctions {
    static let names: Set<String> = ["namespace", "range", "raise_exception", "strftime_now", "dict"]

    static func call(_ name: String, _ arguments: CallArguments, _ interpreter: inout Interpreter) throws -> Value {
        switch name {
        case "namespace":
            guard arguments.named.values.allSatisfy({ $0.depth < TemplateLimits.valueDepth }) else {
                throw InferenceError(.template, "values are nested too deep")
            }
            return .namespace(Namespace(arguments.named))
        case "dict": return .map(try Map(arguments.orderedNames))
        case "range": return try interpreter.checked(try range(arguments.positional).map { .int($0) })
        case "raise_exception":
            let message = try arguments.positional.first.map { try interpreter.text($0).string } ?? ""
            throw InferenceError(.template, "the chat template refuses this: \(message)")
        default:
            let format = try interpreter.requiredText(arguments.positional.first, name)
            return .text(Text(time(interpreter.unixTime, format: format.string), isTemplate: false))
        }
    }

    private static func range(_ arguments: [Value]) throws -> StrideTo<Int> {
        let bounds: [Int] = arguments.compactMap { if case .int(let bound) = $0 { bound } else { nil } }
        guard bounds.count == arguments.count, (1...3).contains(bounds.count) else {
            throw InferenceError(.template, "range needs one to three integers")
        }
        let start = bounds.count == 1 ? 0 : bounds[0]
        let stop = bounds.count == 1 ? bounds[0] : bounds[1]
        let step = bounds.count == 3 ? bounds[2] : 1
        let (length, overflow) = stop.subtractingReportingOverflow(start)
        guard step != 0, step != .min, !overflow, length.magnitude / step.magnitude < TemplateLimits.listLength else {
            throw InferenceError(.template, "range(\(start), \(stop), \(step)) is not possible")
        }
        return stride(from: start, to: stop, by: step)
    }

    private static func time(_ unixTime: Int, format: String) -> String {
        var seconds = time_t(unixTime)
        var parts = unsafe tm()
        guard !format.isEmpty, format.utf8.count <= 256, unsafe localtime_r(&seconds, &parts) != nil else { return "" }
        return unsafe String(
            unsafeUninitializedCapacity: 4096
        ) { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { bytes in
                unsafe bytes.baseAddress.map { unsafe strftime($0, bytes.count, format, &parts) } ?? 0
            }
        }
    }
}
