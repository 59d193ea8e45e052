public import Domain

extension GroupPlan {
    /// Checks that the plan places a model on a fleet: known devices, each in one group at most, layers that sum up to the
    /// model's, room for the weights of every stage, and both phases served.
    ///
    /// - Throws: an error that names the scenario, the group and the field.
    public func check(fleet: DescribedFleet, model: ModelDescription) throws(ScenarioError) {
        guard !groups.isEmpty else { throw fault("groups: there are none") }
        let known = Dictionary(fleet.devices.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var names: Set<String> = []
        var used: [DeviceID: String] = [:]
        for (index, group) in groups.enumerated() {
            let field = FieldPath.element("groups", index, group.id)
            guard names.insert(group.id).inserted else {
                throw fault("\(field).id is used by another group too", .duplicateName)
            }
            guard !group.stages.isEmpty else { throw fault("\(field).stages: there are none") }
            for (stage, placed) in zip(group.stages.indices, group.planStages) {
                let field = FieldPath.element("\(field).stages", stage, placed.device.rawValue)
                guard let device = known[placed.device] else { throw unknown(field, fleet) }
                if let other = used[placed.device] {
                    throw fault("\(field): the device is in group \(MessageText.name(other)) already")
                }
                used[placed.device] = group.id
                try checkRoom(placed, device, model, field)
            }
            let layers = group.stages.reduce(0) { $0 + $1.layers }
            guard layers == model.layers else {
                throw fault(
                    "\(field).stages hold \(layers) layers, \(MessageText.name(model.name)) has \(model.layers)")
            }
        }
        for phase in Phase.allCases where !groups.contains(where: { $0.role.phases.contains(phase) }) {
            throw fault("groups: none serves the \(phase.rawValue) phase")
        }
    }

    private func checkRoom(
        _ stage: PlanStage, _ device: DescribedDevice, _ model: ModelDescription, _ field: String
    ) throws(ScenarioError) {
        guard stage.layers.count >= 1, stage.layers.end <= model.layers else {
            throw fault(
                "\(field) holds layers \(stage.layers), they must be at least one and within the \(model.layers) of "
                    + MessageText.name(model.name))
        }
        let bytes = model.weightBytes(stage.layers)
        guard bytes <= device.memoryUsableBytes else {
            throw fault(
                "\(field): \(stage.layers.count) layers need \(bytes) bytes of weights, the device has "
                    + "\(device.memoryUsableBytes)")
        }
    }

    private func unknown(_ field: String, _ fleet: DescribedFleet) -> ScenarioError {
        fault(
            "\(field) is not a device of \(MessageText.name(fleet.name)); its devices are "
                + MessageText.list(fleet.devices.map(\.id.rawValue)), .unknownName)
    }

    private func fault(_ problem: String, _ code: ScenarioError.Code = .invalidPlan) -> ScenarioError {
        ScenarioError(code, in: .plan, "\(MessageText.name(scenario)).\(problem)")
    }
}
