import Foundation

/// The real model that the test script names.
enum RealModel {
    static let path = ProcessInfo.processInfo.environment["E2LLM_TEST_MODEL"]
}
