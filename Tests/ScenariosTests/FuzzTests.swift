import Domain
import Testing

@testable import Scenarios

/// Damaged files are read or refused; nothing traps and no other error comes out.
@Suite struct FuzzTests {
    private func damaged(_ text: String, rounds: Int, _ read: ([UInt8]) throws -> Void) {
        var random = ScenarioRandom(seed: 11)
        let whole = Array(text.utf8)
        var accepted = 0
        for _ in 0..<rounds {
            var bytes = whole
            for _ in 0..<random.whole(1...4) {
                let place = random.whole(0...bytes.count - 1)
                switch random.whole(0...4) {
                case 0: bytes[place] ^= 1 << UInt8(random.whole(0...7))
                case 1: bytes[place] = UInt8(random.whole(0...255))
                case 2: bytes.remove(at: place)
                case 3: bytes.insert(random.element(Array("0123456789eE+-.,\"{}[]\n\r".utf8)) ?? 0, at: place)
                default: bytes.removeLast(random.whole(0...3))
                }
            }
            do {
                try read(bytes)
                accepted += 1
            } catch is ScenarioError {
            } catch {
                Issue.record("\(error)")
            }
        }
        // Damage in a name or a figure often goes unnoticed; otherwise the damage would not reach far.
        #expect(accepted > 0 && accepted < rounds)
    }

    @Test func fleets() throws {
        let model = try ModelDescription.llama2()
        damaged(Fixtures.fleet, rounds: 3000) { bytes in
            let fleet = try FleetFile.read(bytes)
            _ = try fleet.cost(model)
            _ = try fleet.adding(type: "rpi5-8gb")
            #expect(try FleetFile.read(FleetFile.write(fleet)) == fleet)
        }
    }

    @Test func models() {
        damaged(Fixtures.llama3, rounds: 3000) { bytes in
            let model = try ModelDescriptionFile.read(bytes)
            #expect(try ModelDescriptionFile.read(ModelDescriptionFile.write(model)) == model)
        }
    }

    @Test func workloads() {
        for text in [Fixtures.workload, Fixtures.trace] {
            damaged(text, rounds: 5000) { bytes in
                let stream = try WorkloadFile.read(bytes, name: "w")
                _ = stream.limited(totalTokens: 300).statistics
            }
        }
    }

    @Test func plans() throws {
        let (fleet, model) = (try DescribedFleet.example(), try ModelDescription.llama2())
        damaged(Fixtures.plan, rounds: 3000) { bytes in
            for plan in try PlanFile.read(bytes) { try plan.check(fleet: fleet, model: model) }
        }
    }
}
