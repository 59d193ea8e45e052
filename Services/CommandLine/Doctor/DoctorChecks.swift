import Domain
import Foundation
import ServiceRuntime

/// What facts mean. Facts in, findings out.
enum DoctorChecks {
    /// Who listens on a port.
    enum Listener: Sendable, Hashable {
        case nobody
        /// A process of the cluster that is looked at.
        case cluster
        /// Another process, with its name where that may be read.
        case process(Int32, name: String?)
        /// Somebody of another user or another network namespace.
        case somebody
    }

    /// A port that the gateway or a service needs.
    ///
    /// - Parameter isRunning: whether a cluster that should listen there runs.
    static func port(_ port: Int, for purpose: String, _ listener: Listener, isRunning: Bool) -> DoctorFinding {
        switch listener {
        case .cluster: return DoctorFinding("ports", .ok, "port \(port): \(purpose) listens")
        case .nobody where isRunning:
            return DoctorFinding(
                "ports", .fail, "port \(port): nobody listens, \(purpose) should",
                advice: "look at `e2llm logs` for why it ended")
        case .nobody: return DoctorFinding("ports", .ok, "port \(port) is free for \(purpose)")
        case .process(let id, let name):
            return DoctorFinding(
                "ports", .fail,
                "port \(port), for \(purpose), is held by process \(id)\(name.map { " (\(PrintableText.clean($0)))" } ?? "")",
                advice: "end that process, or choose another port")
        case .somebody:
            return DoctorFinding(
                "ports", isRunning ? .warn : .fail,
                "port \(port), for \(purpose), is held by a process of another user",
                advice: "look with `ss -ltnp` as root, or choose another port")
        }
    }

    /// A file with keys.
    ///
    /// - Parameters:
    ///   - mode: its permissions; `nil` where the file is not there.
    ///   - isReadable: whether this process can read it.
    ///   - isSecret: whether nobody else may read it.
    static func keyFile(_ path: String, mode: Int?, isReadable: Bool, isSecret: Bool) -> DoctorFinding {
        guard let mode else {
            return DoctorFinding(
                "keys", .fail, "\(path) is missing", advice: "make keys with `e2llm keys create`, or correct the path")
        }
        guard isReadable else {
            return DoctorFinding(
                "keys", .fail, "\(path) cannot be read", advice: "run as its owner, or change its owner")
        }
        let text = String(mode & 0o777, radix: 8)
        if isSecret, mode & 0o077 != 0 {
            return DoctorFinding(
                "keys", .fail, "\(path) is open to others (mode \(text))", advice: "chmod 600 \(path)")
        }
        if mode & 0o022 != 0 {
            return DoctorFinding(
                "keys", .fail, "\(path) can be changed by others (mode \(text))", advice: "chmod go-w \(path)")
        }
        return DoctorFinding("keys", .ok, "\(path) (mode \(text))")
    }

    /// The clock of a service beside ours; times of a request's course are compared across processes.
    static func clock(_ name: String, offset: ClockOffset?, problem: String?) -> DoctorFinding {
        guard let offset else {
            return DoctorFinding(
                "clock", .warn, "\(name): \(problem ?? "it does not tell its time")",
                advice: "see `e2llm logs`; without an answer nothing is known of its clock")
        }
        let seconds = Double(offset.correction) / 1e6
        guard abs(seconds) >= 0.5 else {
            let error = FigureText.short(Double(abs(offset.microseconds) + offset.uncertainty) / 1000)
            return DoctorFinding("clock", .ok, "\(name): within \(error) ms of this machine's")
        }
        let side = seconds > 0 ? "ahead of" : "behind"
        return DoctorFinding(
            "clock", abs(seconds) < 30 ? .warn : .fail,
            "\(name): \(FigureText.short(abs(seconds))) s \(side) this machine's",
            advice: "set both clocks by NTP (systemd-timesyncd, chrony); traces and join tokens go by them")
    }

    /// The version of an executable or a service beside ours; `nil` where it does not tell.
    static func version(_ name: String, _ version: String?, own: String) -> DoctorFinding {
        guard let version else {
            return DoctorFinding(
                "versions", .warn, "\(name) does not tell its version", advice: "is it an implementation of E2LLM?")
        }
        guard version == own else {
            return DoctorFinding(
                "versions", .warn, "\(name) is \(PrintableText.clean(version)), this e2llm is \(own)",
                advice: "install the same version everywhere")
        }
        return DoctorFinding("versions", .ok, "\(name) is \(version)")
    }

    /// What a service says about itself.
    static func service(_ name: String, problems: [String]?, silence: String?) -> DoctorFinding {
        guard let problems else {
            return DoctorFinding(
                "services", .fail, "\(name): \(silence ?? "it does not answer")",
                advice: "see `e2llm logs --service \(name)`")
        }
        guard problems.isEmpty else {
            return DoctorFinding(
                "services", .fail, "\(name): \(problems.map(PrintableText.clean).joined(separator: "; "))",
                advice: "see `e2llm logs --service \(name)`")
        }
        return DoctorFinding("services", .ok, "\(name) is well")
    }

    /// The machine's memory beside what is to be held.
    ///
    /// - Parameters:
    ///   - needed: bytes, and for what.
    ///   - isHeld: whether a running cluster holds them already.
    static func memory(available: Int, total: Int, needed: Int, for purpose: String, isHeld: Bool) -> DoctorFinding {
        let text =
            "\(ByteText.format(needed)) for \(purpose), \(ByteText.format(available)) of \(ByteText.format(total)) are free"
        if needed > total {
            return DoctorFinding(
                "memory", .fail, text, advice: "share the layers with more devices, or take a smaller model")
        }
        if !isHeld, needed > available {
            return DoctorFinding("memory", .warn, text, advice: "end other programs, or the system swaps or kills")
        }
        return DoctorFinding("memory", .ok, text)
    }

    /// How many files a process may have open; a gateway has one for each client, a scheduler one for each worker.
    static func fileLimit(soft: Int, hard: Int) -> DoctorFinding {
        let text = "\(soft) open files are allowed\(hard > soft ? " (\(hard) at most)" : "")"
        switch soft {
        case ..<256: return DoctorFinding("files", .fail, text, advice: "ulimit -n 4096")
        case ..<1024: return DoctorFinding("files", .warn, text, advice: "ulimit -n 4096")
        default: return DoctorFinding("files", .ok, text)
        }
    }

    /// The instruction set that the kernels would use, and what the processor has.
    ///
    /// - Parameter problem: why the one that was asked for cannot be used.
    static func processor(instructionSet: String, features: [String], threads: Int, problem: String?) -> DoctorFinding {
        if let problem {
            return DoctorFinding("processor", .fail, problem, advice: "unset E2LLM_ISA, or name one that is there")
        }
        let text = "\(threads) threads, kernels for \(instructionSet) (\(features.joined(separator: " ")))"
        guard instructionSet != "scalar" else {
            return DoctorFinding(
                "processor", .warn, text, advice: "no vector instructions are used: expect a tenth of the usual speed")
        }
        return DoctorFinding("processor", .ok, text)
    }
}
