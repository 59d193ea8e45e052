public import ArgumentParser
public import Domain

extension KVType: ExpressibleByArgument {}
