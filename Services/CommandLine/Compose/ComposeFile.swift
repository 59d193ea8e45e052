import Foundation
import ServiceRuntime

/// A docker-compose file for a fleet description: one service for every kind of process and every type of device. It works unchanged on
/// Compose 1.29 and 5.
struct ComposeFile {
    let fleet: LaunchFleetFile
    /// What the fleet description is called, for the comment.
    let name: String

    /// The file.
    var text: String {
        ([header] + ServiceName.central.map(central) + fleet.devices.map(device) + [footer]).joined(separator: "\n")
    }

    /// As `docker compose up` wants device types of several devices.
    var scale: String {
        fleet.devices.filter { ($0.count ?? 1) > 1 }.map { " --scale \($0.id)=\($0.count ?? 1)" }.joined()
    }

    private var header: String {
        let endpoints = zip(EndpointSetting.allCases, 5550...).map { setting, port in
            """
              E2LLM_ENDPOINTS_\(setting.rawValue.uppercased()): tcp://\(setting.owner):\(port)
              E2LLM_BIND_\(setting.rawValue.uppercased()): tcp://0.0.0.0:\(port)
            """
        }.joined(separator: "\n")
        let shared = settings { $0 == "fleet" }.map { "\n  \($0)" }.joined()
        let devices = settings { $0 == "worker" }.map { "\n  \($0)" }.joined()
        return """
            # Written by `e2llm compose --fleet \(name)`.
            #
            #   export E2LLM_MODELS=/folder/with/models E2LLM_MODEL=file.gguf     # what is served
            #   e2llm keys create keys --uid 10001                                # once: a key for every service
            #   docker compose up -d\(scale)
            #
            # HTTP is published on this machine only. Another type of device: copy the ten lines of one below and change them.
            x-environment: &environment
            \(endpoints)
              E2LLM_SECURITY_ALLOWED: /run/secrets/allowed
              E2LLM_SECURITY_SECRET: /run/secrets/key\(shared)

            x-service: &service
              image: ${E2LLM_IMAGE:-e2llm}
              environment: *environment
              user: "10001:10001"
              read_only: true
              init: true
              cap_drop: [ALL]
              security_opt: ["no-new-privileges:true"]
              tmpfs: ["/tmp:size=16m"]
              pids_limit: 256
              restart: unless-stopped
              stop_grace_period: 20s
              networks: [bus]
              volumes: ["./config:/etc/e2llm:ro"]
              logging: {driver: json-file, options: {max-size: 10m, max-file: "2"}}

            x-device: &device
              <<: *service
              command: ["e2llm", "device", "--config", "/etc/e2llm/worker.yaml"]
              secrets: [{source: allowed, target: allowed}, {source: devices, target: key}]
              volumes: ["./config:/etc/e2llm:ro", "${E2LLM_MODELS:?folder with the model files}:/models:ro"]
              healthcheck: {test: ["CMD", "e2llm", "healthcheck", "--service", "device"], interval: 10s, timeout: 3s, retries: 6, start_period: 60s}

            x-device-environment: &device-environment
              <<: *environment
              E2LLM_WORKER_MODEL: /models/${E2LLM_MODEL:?file name of the model}
              E2LLM_WORKER_DATA_BIND: tcp://0.0.0.0:*
              # Devices of one machine are measured one after the other.
              E2LLM_WORKER_HOST: ${E2LLM_HOST:-this-machine}\(devices)

            services:
            """
    }

    private func central(_ service: ServiceName) -> String {
        let name = service.rawValue
        let check = "[\"CMD\", \"e2llm\", \"healthcheck\", \"--service\", \"\(name)\", \"--alive\"]"
        var lines = [
            "<<: *service", "command: [\"\(name)\", \"--config\", \"/etc/e2llm/\(name).yaml\"]",
            "secrets: [{source: allowed, target: allowed}, {source: \(name), target: key}]",
            "healthcheck: {test: \(check), interval: 5s, timeout: 3s, retries: 6, start_period: 20s}",
        ]
        var variables = settings { $0 == name || (service == .gateway && $0 == "model") }
        switch service {
        case .profiler:
            lines += [
                "# What was measured outlives the container.",
                "volumes: [\"./config:/etc/e2llm:ro\", \"profiles:/var/lib/e2llm\"]",
            ]
            variables.append("E2LLM_PROFILER_DIRECTORY: /var/lib/e2llm")
        case .gateway:
            lines += [
                "# Longer than `gateway.drain_s`: running streams end.", "stop_grace_period: 40s",
                "volumes: [\"./config:/etc/e2llm:ro\", \"\(Self.models)\"]", "networks: [bus, outside]",
                "ports: [\"127.0.0.1:${E2LLM_PORT:-8080}:8080\"]",
            ]
            variables += [
                "E2LLM_GATEWAY_HOST: 0.0.0.0", "E2LLM_MODEL_PATH: /models/${E2LLM_MODEL:?file name of the model}",
            ]
        default: break
        }
        if !variables.isEmpty { lines += ["environment:", "  <<: *environment"] + variables.map { "  \($0)" } }
        return (["  \(name):"] + lines.map { "    \($0)" } + [""]).joined(separator: "\n")
    }

    /// The fleet's settings of some sections as environment variables.
    private func settings(_ concerns: (String) -> Bool) -> [String] {
        var all = fleet.settings ?? [:]
        if let roles = fleet.roles { all["clusterer.roles"] = roles }
        return all.sorted { $0.key < $1.key }.filter { concerns(String($0.key.prefix { $0 != "." })) }.map {
            key, value in
            "\(SettingKey(key, "", "").environmentVariable): \"\(value)\""
        }
    }

    private static let models = "${E2LLM_MODELS:?folder with the model files}:/models:ro"

    private func device(_ device: LaunchFleetFile.Device) -> String {
        var environment: [String] = []
        func add(_ name: String, _ value: String?) {
            if let value { environment.append("      E2LLM_WORKER_\(name): \"\(value)\"") }
        }
        add("THREADS", "\(device.threads ?? 1)")
        add("COMPUTE_SHARE", device.computeShare.map { "\($0)" })
        add("MEMORY_LIMIT", device.memoryLimit)
        add("LINK_RATE", device.linkRate)
        add("LINK_LATENCY_MS", device.linkLatencyMilliseconds.map { "\($0)" })
        // Both workers of the device and the process that keeps them running.
        let memory = device.memoryLimit.flatMap(ByteText.parse).map { "\((2 * $0 >> 20) + 96)M" }
        return """
              \(device.id):
                <<: *device
                environment:
                  <<: *device-environment
            \(environment.joined(separator: "\n"))
                cpus: \(device.threads ?? 1).0\(memory.map { "\n    mem_limit: \($0)" } ?? "")

            """
    }

    private var footer: String {
        let keys = (["allowed"] + ServiceName.central.map(\.rawValue) + ["devices"]).map { name in
            "  \(name): {file: \"${E2LLM_KEYS:-./keys}/\(name == "allowed" ? "allowed.json" : "\(name).key")\"}"
        }
        return """
            secrets:
            \(keys.joined(separator: "\n"))

            networks:
              # Between the services; nothing else is reached from it.
              bus: {internal: true}
              outside: {}

            volumes:
              profiles: {}

            """
    }
}
