import ServiceRuntime
import Testing

@testable import CommandLineTool

/// `e2llm config`.
@Suite struct EffectiveSettingsTests {
    @Test func whatServicesPrintIsRead() {
        let text = """
            gateway.port  [8080]  E2LLM_GATEWAY_PORT
                the port [of HTTP]
            gateway.api_keys  []  E2LLM_GATEWAY_API_KEYS
                keys

            no setting
            """
        let keys = EffectiveSettings.parse(text)
        #expect(keys.map(\.name) == ["gateway.port", "gateway.api_keys"])
        #expect(keys.map(\.defaultValue) == ["8080", ""])
        #expect(keys.map(\.summary) == ["the port [of HTTP]", "keys"])
        #expect(keys[0].environmentVariable == "E2LLM_GATEWAY_PORT")
    }

    @Test func laterSourcesWin() {
        let keys = ["a.flag", "a.environment", "a.file", "a.preset", "gateway.api_keys"].map { SettingKey($0, "0", "") }
        let settings = EffectiveSettings.resolve(
            [("one", keys), ("two", [keys[2]])], flags: ["a.flag=1", "a.flag=2"],
            environment: ["E2LLM_A_FLAG": "3", "E2LLM_A_ENVIRONMENT": "3", "E2LLM_GATEWAY_API_KEYS": "secret"],
            file: ["a.flag": "4", "a.environment": "4", "a.file": "4"])
        #expect(settings.map(\.key) == ["a.environment", "a.file", "a.flag", "a.preset", "gateway.api_keys"])
        #expect(settings.map(\.value) == ["3", "4", "2", "0", "(hidden)"])
        #expect(settings.map(\.source) == [.environment, .file, .flag, .preset, .environment])
        #expect(settings[1].services == ["one", "two"])
    }
}
