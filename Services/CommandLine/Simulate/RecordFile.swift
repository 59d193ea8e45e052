import Domain
import Foundation
import Simulation

/// Files that commands write where they are told to.
enum OutputFile {
    static func write(_ text: String, to path: String) throws {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw Failure(.failed, "\(path) cannot be written: \(error.localizedDescription)")
        }
    }
}

/// Records of runs as files.
enum RecordFile {
    /// Largest file that is read, bytes.
    private static let byteLimit = 2 << 30

    static func json(_ record: RunRecord) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(record), as: UTF8.self) + "\n"
    }

    /// One line a request.
    static func csv(_ record: RunRecord) -> String {
        var text =
            "request_id,outcome,arrival_s,prompt_tokens,output_tokens,prefill_replica,decode_replica,w_prefill_s,w_kvmem_s,"
            + "t_kv_s,w_decode_s,stall_s,w_total_s,ttft_s,tpot_s,e2e_s,retries\n"
        func cell(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
        for request in record.requests {
            let cells = [
                quoted(request.id.rawValue), request.outcome.rawValue, "\(request.arrival)", "\(request.promptTokens)",
                "\(request.outputTokens)", quoted(request.prefillReplica?.rawValue ?? ""),
                quoted(request.decodeReplica?.rawValue ?? ""), cell(request.prefillWait), cell(request.memoryWait),
                cell(request.transfer), cell(request.decodeWait), "\(request.stall)", cell(request.waiting),
                cell(request.timeToFirstToken), cell(request.timePerOutputToken), cell(request.total),
                "\(request.retries)",
            ]
            text += cells.joined(separator: ",") + "\n"
        }
        return text
    }

    private static func quoted(_ text: String) -> String {
        guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    /// Whether a file has the form of a record: only records say their format.
    static func isOne(_ path: String) throws -> Bool {
        struct Mark: Decodable {
            var format: Int
            var source: String
        }
        return try ScenarioOptions.reading(path) { bytes in
            (try? JSONDecoder().decode(Mark.self, from: Data(bytes))) != nil
        }
    }

    static func read(_ path: String) throws -> RunRecord {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        } catch {
            throw Failure(.failed, "\(path) cannot be read: \(error.localizedDescription)")
        }
        guard data.count <= byteLimit else { throw Failure(.failed, "\(path) has more than \(byteLimit) bytes") }
        let record: RunRecord
        do {
            record = try JSONDecoder().decode(RunRecord.self, from: data)
        } catch let error as DecodingError {
            throw Failure(.failed, "\(path) is no record of a run: \(DecodingText.text(error))")
        }
        guard record.format == 1 else {
            throw Failure(.failed, "\(path): format \(record.format) is not known, this version reads format 1")
        }
        if let problem = record.problem { throw Failure(.failed, "\(path): \(problem)") }
        return record
    }
}
