import Domain
import Testing

@testable import Scheduling

/// Looking at what is kept, and letting things happen in any order that connections and compute threads allow.
extension StageWorld {
    /// What first stages count on is on every stage of their replicas, and nothing else is; no text was taken for another
    /// one, and no more memory than there is. Where KV cache comes before its sequence is opened (`mayLack`), later stages may
    /// have given up some for it.
    func check(mayLack: Bool = false, _ location: SourceLocation = #_sourceLocation) {
        #expect(overruns.isEmpty, "\(overruns)", sourceLocation: location)
        #expect(mistaken.isEmpty, "\(mistaken)", sourceLocation: location)
        for core in cores.values {
            for stage in core.ordered where stage.isFirst {
                for (index, place) in stage.replica.stages.enumerated() {
                    let key = WorkerKey(place.device, stage.replica.role.workerKind)
                    let cache = caches.first { $0.key.hasPrefix("\(key)#") }?.value
                    let idle = cache?.idle ?? []
                    let counted = stage.prefixes.idleNames
                    #expect(
                        mayLack && index > 0
                            ? counted.count >= idle.count && Set(idle).isSubset(of: counted) : idle == counted,
                        "stage \(index) of \(stage.replica.id)",
                        sourceLocation: location)
                }
            }
        }
    }

    /// Sends an event to all workers.
    mutating func sendToAll(_ event: StageEvent) {
        for key in cores.keys.sorted() { send(event, to: key) }
    }

    /// Delivers messages and computes in any order, until nothing is left to do; `most` bounds it. Messages of one worker to
    /// another keep their order, and so do orders of a compute thread.
    mutating func runInAnyOrder(_ most: Int, _ random: inout SeededGenerator) {
        for _ in 0..<most {
            var seen: Set<[WorkerKey]> = []
            let first = network.indices.filter { seen.insert([network[$0].from, network[$0].to]).inserted }
            var threads: [WorkerKey: UInt64] = [:]
            for ordered in computing { threads[ordered.key] = min(threads[ordered.key] ?? .max, ordered.order.id) }
            for (key, order) in exporting { threads[key] = min(threads[key] ?? .max, order.id) }
            guard !first.isEmpty || !threads.isEmpty else { return }
            let choice = Int.random(in: 0..<first.count + threads.count, using: &random)
            guard choice >= first.count else {
                let message = network.remove(at: first[choice])
                send(message.event, to: message.to)
                continue
            }
            let key = threads.keys.sorted()[choice - first.count]
            if let index = computing.firstIndex(where: { $0.key == key && $0.order.id == threads[key] }) {
                computing.insert(computing.remove(at: index), at: 0)
                computeNext()
            } else if let index = exporting.firstIndex(where: { $0.key == key && $0.order.id == threads[key] }) {
                exporting.insert(exporting.remove(at: index), at: 0)
                exportNext()
            }
        }
    }
}
