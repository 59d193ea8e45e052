import Domain
import Foundation
import Scenarios
import Testing

@Suite struct ModelCatalogueTests {
    @Test func namesAreUniqueAndFound() {
        let names = ModelCatalogue.models.map(\.name)
        #expect(names == names.sorted() && Set(names).count == names.count)
        #expect(names == ["llama-2-13b-q4", "llama-2-7b-q4", "llama-3-8b-q4", "smollm2-135m"])
        for model in ModelCatalogue.models { #expect(ModelCatalogue.named(model.name) == model) }
        #expect(ModelCatalogue.named("llama-2-7b") == nil)
    }

    @Test func equalsTheFilesOfTheFixtures() throws {
        #expect(ModelCatalogue.named("llama-2-7b-q4") == (try ModelDescription.llama2()))
        #expect(ModelCatalogue.named("llama-3-8b-q4") == (try ModelDescriptionFile.read(Fixtures.llama3.utf8)))
    }

    /// Figures of the 13B file.
    @Test func thirteenBillion() throws {
        let model = try #require(ModelCatalogue.named("llama-2-13b-q4"))
        #expect(model.paramsPerLayer == 317_194_240 && model.bytesPerLayer == 178_462_720)
        #expect(model.bytesEmbedding == 92_160_000 && model.bytesHead == 134_420_480)
        #expect(model.bytesTotal == 7_365_089_280)
        #expect(model.kvBytesPerTokenPerLayer == 20_480 && model.activationBytesPerToken == 10_240)
    }

    /// 134.5 million parameters with one matrix for embedding and head; 98,362,432 bytes of the Q4_1 file, of which tokenizer
    /// and metadata are less than 2 MB.
    @Test func smallModel() throws {
        let model = try #require(ModelCatalogue.named("smollm2-135m"))
        let norms = (2 * model.layers + 1) * model.hidden
        let parameters = model.layers * model.paramsPerLayer + model.vocabulary * model.hidden + norms
        #expect(parameters == 134_515_008)
        #expect((96_362_432..<98_362_432).contains(model.bytesTotal))
        #expect(model.layers * model.kvBytesPerTokenPerLayer == 23_040)
        #expect(model.headDim == 64 && model.bytesEmbedding == 30_081_024)
        #expect(model.bytesHead == model.bytesEmbedding + 4 * model.hidden)
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../Fixtures/described")

    /// The model files of the scenarios that the paper's experiments are described with.
    @Test(arguments: ["llama-2-7b-q4", "llama-2-13b-q4", "llama-3-8b-q4"])
    func equalsTheDescribedModels(_ name: String) throws {
        let file = Self.folder.appending(path: "\(name).json")
        let described = try ModelDescriptionFile.read(Data(contentsOf: file))
        #expect(described.name == name)
        #expect(ModelCatalogue.named(name) == described)
    }
}
