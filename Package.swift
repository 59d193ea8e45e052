// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is built in Swift 6 mode with the same strict settings.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// The settings of modules that hold memory by themselves: every use of it is marked as `unsafe`.
let strictMemory = strict + [.strictMemorySafety()]

/// A module of `Shared/`; `dependencies` are the only modules that it may import.
func shared(
    _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [],
    settings: [SwiftSetting] = strict
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Shared/\(name)", exclude: exclude, swiftSettings: settings)
}

/// An executable of `Services/`; no service imports another one.
func service(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies + serviceBase, path: "Services/\(name)", exclude: ["README.md"],
        resources: resources, swiftSettings: strict)
}

func test(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude, swiftSettings: strict)
}

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")

let serviceBase: [Target.Dependency] = [
    "Domain", "Protocol", "Messaging", "ServiceRuntime", argumentParser, configuration, lifecycle, logging,
]

let package = Package(
    name: "E2LLM",
    products: [
        .executable(name: "profiler", targets: ["Profiler"]),
        .executable(name: "partitioner", targets: ["Partitioner"]),
        .executable(name: "clusterer", targets: ["Clusterer"]),
        .executable(name: "scheduler", targets: ["Scheduler"]),
        .executable(name: "prefill-worker", targets: ["PrefillWorker"]),
        .executable(name: "decoder-worker", targets: ["DecoderWorker"]),
        .executable(name: "gateway", targets: ["Gateway"]),
        .executable(name: "e2llm", targets: ["CommandLineTool"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    ],
    targets: [
        .systemLibrary(name: "CZeroMQ", path: "Shared/CZeroMQ"),
        .target(name: "Kernels", path: "Shared/Kernels"),
        shared("Domain"),
        shared("Protocol", ["Domain"], exclude: ["Specification"]),
        shared("Messaging", ["CZeroMQ"], settings: strictMemory),
        shared("Inference", ["Domain", "Kernels", crypto], settings: strictMemory),
        shared("CostModel", ["Domain"]),
        shared("Drawing", ["Domain"]),
        shared("Grammar", ["Domain"]),
        shared("Planning", ["Domain", "CostModel", "Drawing"]),
        shared("Scenarios", ["Domain", "CostModel"]),
        shared("Scheduling", ["Domain", "CostModel"]),
        shared("Simulation", ["Domain", "CostModel", "Planning", "Scenarios", "Scheduling"]),
        shared("Reports", ["Domain", "CostModel", "Planning", "Drawing", "Simulation"]),
        shared(
            "Experiments",
            ["Domain", "CostModel", "Planning", "Scenarios", "Scheduling", "Simulation", "Reports", "Drawing"]),
        shared(
            "ServiceRuntime",
            [
                "Domain", "Protocol", "Messaging", argumentParser, configuration, lifecycle, logging, yams,
                unixSignals,
            ]),
        shared(
            "StageRuntime",
            [
                "Domain", "Protocol", "Messaging", "Inference", "Grammar", "Scheduling", "ServiceRuntime", lifecycle,
                logging,
            ]),

        service("Profiler", ["CostModel"]),
        service("Partitioner", ["Planning", "CostModel"]),
        service("Clusterer", ["Planning", "Simulation", "CostModel"]),
        service("Scheduler", ["Scheduling", "CostModel"]),
        service("PrefillWorker", ["StageRuntime"]),
        service("DecoderWorker", ["StageRuntime"]),
        service(
            "Gateway", ["Inference", "Grammar", hummingbird, hummingbirdCore, httpTypes, nioCore, nioHTTP1],
            resources: [.embedInCode("Page")]),
        .executableTarget(
            name: "CommandLineTool",
            dependencies: serviceBase + [
                "Inference", "Planning", "Scenarios", "Simulation", "Reports", "Scheduling", "Experiments", yams,
                unixSignals, hummingbird, httpTypes, nioCore,
            ],
            path: "Services/CommandLine",
            exclude: ["README.md"], swiftSettings: strict),

        .target(
            name: "TestSupport", dependencies: ["Domain"], path: "Tests/TestSupport", swiftSettings: strict),
        .target(name: "KernelsEmulated", dependencies: ["Kernels"], path: "Tests/KernelsEmulated"),
        test("KernelsTests", ["Kernels", "KernelsEmulated"]),
        test("DomainTests", ["Domain"]),
        test("ProtocolTests", ["Protocol", "Domain"]),
        test("MessagingTests", ["Messaging"]),
        test("InferenceTests", ["Inference", "Domain", "TestSupport"]),
        test("DrawingTests", ["Drawing", "Domain"]),
        test("GrammarTests", ["Grammar", "Domain"]),
        test("CostModelTests", ["CostModel", "Domain"]),
        test("ExperimentsTests", ["Experiments", "Simulation", "Planning", "Scenarios", "CostModel", "Domain"]),
        test("ScenariosTests", ["Scenarios", "CostModel", "Domain"]),
        test("PlanningTests", ["Planning", "Reports", "Scenarios", "CostModel", "Drawing", "Domain"]),
        test("SimulationTests", ["Simulation", "Scheduling", "Planning", "Scenarios", "CostModel", "Domain"]),
        test("ReportsTests", ["Reports", "Simulation", "Drawing", "Domain"]),
        test("SchedulingTests", ["Scheduling", "CostModel", "Domain"]),
        test("ServiceRuntimeTests", ["ServiceRuntime", "Messaging", "Protocol", "Domain", lifecycle, logging]),
        test(
            "IntegrationTests",
            [
                "Profiler", "Partitioner", "Clusterer", "Scheduler", "PrefillWorker", "DecoderWorker", "Gateway",
                "CommandLineTool", "StageRuntime", "TestSupport", "Domain", "Protocol", "Messaging", "ServiceRuntime",
                "Inference", "Grammar", "Planning", "Scenarios", "Scheduling", "Simulation", "CostModel",
                argumentParser,
                logging,
                lifecycle,
                nioCore, nioPosix,
            ]),
    ]
)
