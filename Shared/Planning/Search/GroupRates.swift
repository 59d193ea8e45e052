internal import Domain

/// What groups of devices can do, alone and together: for experiments that enumerate plans themselves and compare them with
/// those of a planner.
public struct GroupRates {
    private var table: GroupTable
    private var routes: KVRoutes

    /// Prepares the groups of an instance.
    public init(_ instance: PlanningInstance) {
        let orders = StageOrders(instance: instance, largestComplete: ExactSearch.mostDevices)
        table = GroupTable(instance, orders: orders)
        routes = KVRoutes(instance)
    }

    /// The best order, layers and concurrency of a group in every role that it can take and that the instance allows.
    /// `devices` are indices into `FleetCost.devices`, none twice.
    public mutating func options(_ devices: [Int]) -> [GroupOption] {
        let value = table.value(devices)
        return ReplicaRole.allCases.compactMap { value[$0] }
    }

    /// What groups that share no device do together, the network included.
    public mutating func plan(_ groups: [GroupOption]) -> PlacedGroups { PlacedGroups(groups, table.instance, &routes) }
}
