/// Reads the keys of rotary position embedding, which architectures share.
enum RopeFields {
    static func read(
        _ fields: HeaderFields, prefix: String, headDim: Int, pairing: RopePairing
    ) throws -> RopeParameters {
        let dimensionsKey = prefix + "rope.dimension_count"
        let dimensions = try fields.integer(dimensionsKey, in: 0...ModelLimits.headDim.upperBound, default: headDim)
        guard dimensions <= headDim, dimensions % 2 == 0 else {
            throw fields.wrong(
                dimensionsKey, "\(dimensions) is not an even number up to the head width of \(headDim)")
        }
        let baseKey = prefix + "rope.freq_base"
        let base = try fields.number(baseKey, default: 10_000)
        guard base > 1, base <= 1e12 else { throw fields.wrong(baseKey, "\(base) is not between 1 and 1e12") }
        return RopeParameters(
            pairing: pairing, dimensions: dimensions, base: base,
            positionScale: try positionScale(fields, prefix: prefix))
    }

    /// A file that names no type scales linearly, by the factor of the key that it has: the older key counts where the
    /// newer one is missing. A factor of 0 stands for none.
    private static func positionScale(_ fields: HeaderFields, prefix: String) throws -> Double {
        let typeKey = prefix + "rope.scaling.type"
        switch try fields.string(typeKey, default: "linear") {
        case "none": return 1
        case "linear": break
        case let other:
            throw InferenceError(.unsupported, "\(typeKey): \"\(other)\" is not supported (supported: none, linear)")
        }
        let newKey = prefix + "rope.scaling.factor"
        let key = fields.has(newKey) ? newKey : prefix + "rope.scale_linear"
        let factor = try fields.number(key, default: 1)
        if factor == 0 { return 1 }
        guard factor >= 1, factor <= 1e6 else { throw fields.wrong(key, "\(factor) is not between 1 and 1e6") }
        return 1 / factor
    }
}
