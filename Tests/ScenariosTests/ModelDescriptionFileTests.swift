import Domain
import Scenarios
import Testing

@Suite struct ModelDescriptionFileTests {
    @Test func readsAndWrites() throws {
        let model = try ModelDescription.llama2()
        #expect(model.name == "llama-2-7b-q4")
        #expect(model.digest == "" && model.architecture == "llama")
        #expect(model.layers == 32 && model.hidden == 4096 && model.ffn == 11008 && model.vocabulary == 32000)
        #expect(model.heads == 32 && model.kvHeads == 32 && model.headDim == 128 && model.maxContext == 4096)
        #expect(model.paramsPerLayer == 202_375_168 && model.bytesPerLayer == 113_868_800)
        #expect(model.bytesEmbedding == 73_728_000 && model.bytesHead == 107_536_384)
        #expect(model.bytesTotal == 3_825_065_984)
        #expect(model.kvBytesPerTokenPerLayer == 16384 && model.activationBytesPerToken == 8192)
        #expect(try ModelDescriptionFile.read(ModelDescriptionFile.write(model)) == model)
    }

    static let faults = [
        Fault("}", "", .malformed, "model: not valid JSON"),
        Fault("\"name\": \"llama-2-7b-q4\",", "", .invalidField, "model: name is missing"),
        Fault("\"llama-2-7b-q4\"", "12", .invalidField, "model: name is not a text"),
        Fault("\"layers\": 32,", "", .invalidField, "model: layers is missing"),
        Fault("\"layers\": 32", "\"layers\": 0", .invalidField, "model: layers is 0, it must be in 1...4096"),
        Fault("\"layers\": 32", "\"layers\": -32", .invalidField, "model: layers is -32, it must be in 1...4096"),
        Fault("\"layers\": 32", "\"layers\": 32.5", .invalidField, "model: layers is 32.5, it must be a whole number"),
        Fault("\"layers\": 32", "\"layers\": \"32\"", .invalidField, "model: layers is not a number"),
        Fault("\"layers\": 32", "\"layers\": [32]", .invalidField, "model: layers is not a number"),
        Fault("\"layers\": 32", "\"layers\": null", .invalidField, "model: layers is"),
        Fault("\"layers\": 32", "\"layers\": 1e30", .invalidField, "model: layers is 1e+30"),
        Fault("\"bytes_per_layer\": 1", "\"bytes_per_layer\": -1", .invalidField, "model: bytes_per_layer is -1"),
        Fault("\"n_kv_heads\": 32,", "", .invalidField, "model: n_kv_heads is missing"),
        Fault("per_layer\": 16384", "per_layer\": 0", .invalidField, "model: kv_bytes_per_token_per_layer is 0"),
        Fault(
            "\"activation_bytes_per_token\": 8192", "\"x\": 1", .invalidField, "activation_bytes_per_token is missing"),
    ]

    @Test(arguments: faults) func names(_ fault: Fault) {
        fault.expect(in: Fixtures.llama2) { _ = try ModelDescriptionFile.read($0.utf8) }
    }

    /// Every field but the optional ones is asked for by name.
    @Test func everyNumberIsNeeded() throws {
        let optional = ["quantisation", "kv_dtype", "\"kv_bytes_per_token\""]
        for line in Fixtures.llama2.split(separator: "\n").dropFirst().dropLast() {
            let key = line.split(separator: "\"")[1]
            let text = Fixtures.llama2.replacing("\"\(key)\"", with: "\"unknown\"")
            if optional.contains(where: { line.contains($0) }) {
                _ = try ModelDescriptionFile.read(text.utf8)
            } else {
                refused(.invalidField, "model: \(key) is missing") { _ = try ModelDescriptionFile.read(text.utf8) }
            }
        }
    }

    @Test func optionalFields() throws {
        let text = Fixtures.llama2.replacing(
            "\"layers\"", with: "\"digest\": \"abc\", \"architecture\": \"qwen2\", \"layers\"")
        let model = try ModelDescriptionFile.read(text.utf8)
        #expect(model.digest == "abc" && model.architecture == "qwen2")
        refused(.tooLarge, "model: 10 bytes") {
            _ = try ModelDescriptionFile.read(Array(repeating: 32, count: 10), limit: 9)
        }
    }
}
