import Domain
import Testing

@testable import Experiments

@Suite struct PublishedFactsTests {
    @Test func figuresAreWhole() {
        let sources = Set(PublishedFacts.sources.map(\.id))
        let devices = Set(PublishedFacts.devices.map(\.id))
        #expect(PublishedFacts.measurements.count > 150)
        for figure in PublishedFacts.measurements {
            #expect(figure.value > 0 && figure.value.isFinite, "\(figure.id)")
            #expect(figure.nodes > 0, "\(figure.id)")
            #expect(sources.contains(figure.source), "\(figure.id): \(figure.source)")
            #expect(devices.contains(figure.device), "\(figure.id): \(figure.device)")
            #expect(PublishedModels.named(figure.model) != nil, "\(figure.id): \(figure.model)")
            #expect(!figure.software.isEmpty && !figure.quantity.unit.isEmpty, "\(figure.id)")
            // Several devices are connected by something.
            #expect(figure.nodes == 1 || !figure.network.isEmpty, "\(figure.id)")
        }
        #expect(Set(PublishedFacts.measurements.map(\.id)).count == PublishedFacts.measurements.count)
    }

    @Test func sourcesHaveAddressesAndDates() {
        #expect(Set(PublishedFacts.sources.map(\.id)).count == PublishedFacts.sources.count)
        for source in PublishedFacts.sources {
            #expect(source.address.hasPrefix("https://"), "\(source.id)")
            #expect(source.date.wholeMatch(of: /20\d\d(-\d\d(-\d\d)?)?/) != nil, "\(source.id): \(source.date)")
            #expect(!source.title.isEmpty, "\(source.id)")
        }
        let used = Set(PublishedFacts.measurements.map(\.source))
        #expect(used == Set(PublishedFacts.sources.map(\.id)))
        #expect(Set(PublishedFacts.devices.map(\.id)).count == PublishedFacts.devices.count)
    }

    /// A whole token takes at least as long as computing and transfer, which the sources measured apart.
    @Test func partsOfATokenFit() {
        let figures = PublishedFacts.measurements
        for token in figures where token.quantity == .token && token.software.hasPrefix("distributed-llama") {
            let parts = figures.filter {
                $0.set == token.set && $0.model == token.model && $0.nodes == token.nodes
                    && [.compute, .transfer].contains($0.quantity)
            }
            #expect(parts.count == 2, "\(token.id)")
            // Means are rounded.
            #expect(parts.reduce(0) { $0 + $1.value } <= token.value + 0.5, "\(token.id)")
        }
    }

    /// Sizes of distributed-llama's files, which its README gives as 3.95, 7.35 and 36.98 GiB.
    @Test(arguments: [("llama-2-7b-q40", 3.95), ("llama-2-13b-q40", 7.35), ("llama-2-70b-q40", 36.98)])
    func sizesOfModelsFollowFromTheirShapes(name: String, gibibytes: Double) throws {
        let model = try #require(PublishedModels.named(name))
        #expect(abs(Double(model.bytesTotal) / 1_073_741_824 / gibibytes - 1) < 0.002)
    }

    @Test func mixedFormsAddUpToTheFile() throws {
        let model = try #require(PublishedModels.named("llama-3-8b-q4_k_m"))
        #expect(abs(Double(model.bytesTotal) / 1_073_741_824 - 4.58) < 0.001)
        // Q4_K_M takes between 4.5 and 6.6 bits a weight.
        let bits = 8 * Double(model.bytesPerLayer) / Double(model.paramsPerLayer)
        #expect(bits > 4.5 && bits < 5.2)
        let tied = try #require(PublishedModels.named("llama-3.2-3b-q4_k_m"))
        #expect(tied.bytesEmbedding == 0)
        #expect(abs(Double(tied.bytesTotal) / 1_073_741_824 - 1.87) < 0.001)
    }
}
