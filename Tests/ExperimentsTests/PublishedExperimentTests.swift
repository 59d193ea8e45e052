import CostModel
import Domain
import Foundation
import Testing

@testable import Experiments

@Suite struct PublishedExperimentTests {
    private static func figure(
        _ model: String, _ value: Double, set: String = "bench", device: String = "rpi-5", nodes: Int = 1,
        quantity: PublishedMeasurement.Quantity = .speed, software: String = "llama.cpp"
    ) -> PublishedMeasurement {
        PublishedMeasurement(
            set: set, source: "pi-5", device: device, software: software, model: model, nodes: nodes,
            network: nodes > 1 ? "a switch" : "", linkBytesPerSecond: nodes > 1 ? 1.25e8 : nil, quantity: quantity,
            value: value, contextTokens: 0)
    }

    @Test func secondModelFromTheFirst() throws {
        let first = try #require(PublishedModels.named("llama-2-7b-q4_0"))
        let second = try #require(PublishedModels.named("llama-2-13b-q4_0"))
        func read(_ model: ModelDescription) -> Double { Double(model.layers * model.bytesPerLayer + model.bytesHead) }
        // 4 tokens/s of 7B, by hand: so many bytes a second, and 13B reads so many.
        let expected = 4 * read(first) / read(second)
        let result = try PublishedExperiment([
            Self.figure("llama-2-7b-q4_0", 4), Self.figure("llama-2-13b-q4_0", expected / 1.25),
        ]).run()
        let row = try #require(result.rows.first)
        #expect(result.rows.count == 1)
        #expect(row.group == .boards)
        #expect(abs(row.predicted - expected) < 1e-9)
        #expect(abs(row.error - 0.25) < 1e-9)
        #expect(row.basis == ["bench/rpi-5/llama-2-7b-q4_0/1/speed"])
    }

    @Test func rateAndFixedTimeFromTwo() throws {
        let one = try #require(PublishedModels.named("llama-2-7b-q40"))
        let other = try #require(PublishedModels.named("llama-2-13b-q40"))
        let (rate, perLayer) = (5e9, 0.002)
        func sample(_ model: ModelDescription, context: Int) -> DecodeSpeed.Sample {
            let kv = model.layers * model.kvBytesPerTokenPerLayer * context
            let bytes = Double(model.layers * model.bytesPerLayer + model.bytesHead + kv)
            return DecodeSpeed.Sample(
                model: model, contextTokens: context, seconds: bytes / rate + perLayer * Double(model.layers))
        }
        let speed = try #require(DecodeSpeed(sample(one, context: 0), sample(other, context: 64)))
        #expect(abs(speed.bytesPerSecond / rate - 1) < 1e-9)
        #expect(abs(speed.layerSeconds / perLayer - 1) < 1e-9)
        // Two figures that no rate and time explain: the one that reads more decides.
        var slow = sample(one, context: 0)
        slow.seconds = 0.001
        let alone = try #require(DecodeSpeed(slow, sample(other, context: 0)))
        #expect(alone.layerSeconds == 0)
        #expect(alone == DecodeSpeed(sample(other, context: 0)))
    }

    /// 64 exchanges of 4096 activations of 34/32 bytes: 272 KiB to a worker and as many back.
    @Test func bytesOfSums() throws {
        let model = try #require(PublishedModels.named("llama-3-8b-q40"))
        let estimate = TensorParallelEstimate(model: model, nodes: 2, exchange: .sums)
        #expect(estimate.sentBytes == 272 * 1024)
        #expect(estimate.receivedBytes == 272 * 1024)
        #expect(estimate.rounds == 64)
        let link = LinkCost(latencySeconds: 0.001, bytesPerSecond: 272 * 1024)
        #expect(abs(estimate.transferSeconds(link: link) - 2.064) < 1e-9)
        let alone = TensorParallelEstimate(model: model, nodes: 1, exchange: .parts)
        #expect(alone.transferSeconds(link: link) == 0)
        #expect(alone.slice == model)
        #expect(
            TensorParallelEstimate(model: model, nodes: 4, exchange: .sums).slice.bytesPerLayer == model.bytesPerLayer
                / 4)
    }

    /// Every layer on one device, or a part on each of several in a row: the same time where hops take none.
    @Test func cardsInAPipeline() throws {
        let result = try PublishedExperiment([
            Self.figure("llama-3-8b-q4_k_m", 50, device: "rtx-3090"),
            Self.figure("llama-3-8b-f16", 20, device: "rtx-3090"),
            Self.figure("llama-3-8b-f16", 16, device: "rtx-3090", nodes: 3),
        ]).run()
        let row = try #require(result.rows(.pipeline).first)
        #expect(abs(row.predicted - 20) < 1e-6)
        #expect(abs(row.error - 0.25) < 1e-6)
    }

    @Test func nothingPredictsItself() throws {
        let result = try PublishedExperiment().run()
        let names = Set(result.measurements.map(\.id))
        for row in result.rows {
            #expect(!row.basis.isEmpty, "\(row.figure.id)")
            #expect(!row.basis.contains(row.figure.id), "\(row.figure.id)")
            #expect(names.isSuperset(of: row.basis), "\(row.figure.id)")
            #expect(row.predicted > 0 && row.predicted.isFinite, "\(row.figure.id)")
        }
        // Each figure once in a group.
        #expect(Set(result.rows.map { "\($0.group) \($0.figure.id)" }).count == result.rows.count)
        for group in PublishedGroup.allCases { #expect(!result.rows(group).isEmpty, "\(group)") }
    }

    @Test func boardsAndClustersAreWithinTheirTargets() throws {
        let result = try PublishedExperiment().run()
        for group in [
            PublishedGroup.boards, .boardsFromTwo, .acceleratorsFromTwo, .cluster, .clusterOtherModel, .pipeline,
        ] {
            let summary = try #require(result.summaries.first { $0.group == group })
            #expect(summary.isReached == true, "\(group): \(summary.meanError ?? .nan)")
        }
        // The forms of exchange reproduce every published number of kilobytes.
        for row in result.rows(.transferBytes) { #expect(row.error.magnitude < 0.001, "\(row.figure.id)") }
    }

    @Test func refusesFiguresThatCannotBe() {
        let good = Self.figure("llama-2-7b-q4_0", 4)
        for (figures, words) in [
            ([Self.figure("gpt-5", 4)], "no model gpt-5"),
            ([Self.figure("llama-2-7b-q4_0", -1)], "not a positive figure"),
            ([good, good], "is there twice"),
        ] {
            let error = #expect(throws: ExperimentError.self) { _ = try PublishedExperiment(figures).run() }
            #expect(error?.message.contains(words) == true, "\(words)")
        }
    }

    @Test func summaryOfRows() {
        let rows = [10.0, 12, 15, 8].map { value in
            PublishedRow(group: .boards, figure: Self.figure("llama-2-7b-q4_0", value), basis: ["x"], predicted: 12)
        }
        let summary = PublishedSummary(.boards, rows)
        #expect(summary.count == 4)
        #expect(abs((summary.medianError ?? 0) - 0.2) < 1e-9)
        #expect(abs((summary.meanError ?? 0) - 0.225) < 1e-9)
        #expect(summary.shareWithin == 0.25)
        #expect(summary.isReached == false)
        #expect(PublishedSummary(.cluster, []).isReached == nil)
        #expect(PublishedSummary(.transferBytes, rows).isReached == nil)
    }

    @Test func reportSaysWhatWasFound() throws {
        let result = try PublishedExperiment().run()
        let report = PublishedReport(result)
        for line in [
            "# Published figures", "## Clusters, transfer of a token", "## Sources", "## Figures that nothing predicts",
        ] {
            #expect(report.markdown.split(separator: "\n").contains { $0 == line }, "\(line)")
        }
        #expect(report.markdown.contains("Target 15 %: not reached"))
        #expect(
            report.markdown.contains(
                "| Raspberry Pi 4B, 4 Cortex-A72, 8 GB | llama-2-7b-q40 | 4 | compute | ms | 458.8 |"))
        #expect(report.html.hasPrefix("<!DOCTYPE html>"))
        #expect(report.pictures.map(\.name) == ["errors"])
        let lines = result.csv.split(separator: "\n")
        #expect(lines.count == result.rows.count + 1)
        #expect(lines.allSatisfy { $0.contains(",") })
        let decoded = try JSONDecoder().decode(PublishedResult.self, from: Data(try result.json()))
        #expect(decoded == result)
        // Without figures there is a report as well.
        #expect(!PublishedReport(try PublishedExperiment([]).run()).markdown.contains("Target"))
    }
}
