internal import CostModel
internal import Domain
internal import Scheduling

/// Steps as the two kinds of runs know them.
extension TimelineRecorder {
    /// A stage computes a step of a stage driver.
    func computed(_ replica: PlanReplica, _ step: Step, _ stage: Int, from start: Double, to end: Double) {
        let prompts = step.parts.filter { $0.inputToken == nil }
        let sequences = step.parts.count - prompts.count
        computed(
            replica,
            RunTimeline.Step(
                stage: stage, kind: prompts.isEmpty ? .decode : sequences == 0 ? .prefill : .mixed, number: step.number,
                request: prompts.count == 1 ? prompts[0].request : nil,
                promptTokens: prompts.reduce(0) { $0 + $1.count }, sequences: sequences, start: start, end: end))
    }

    /// A group computes a whole prompt, one stage after the other.
    func computed(_ replica: PlanReplica, _ estimate: PrefillEstimate, _ request: RequestTimes, at now: Double) {
        var start = now
        for (stage, seconds) in estimate.stageSeconds.enumerated() {
            computed(
                replica,
                RunTimeline.Step(
                    stage: stage, kind: .prefill, request: request.id, promptTokens: request.promptTokens, sequences: 0,
                    start: start, end: start + seconds))
            start += seconds + (stage < estimate.hopSeconds.count ? estimate.hopSeconds[stage] : 0)
        }
    }

    /// A group computes one step of all of its sequences: its micro-batches follow each other through the stages.
    func computed(_ replica: PlanReplica, _ estimate: DecodeEstimate, at now: Double) {
        let batches = max(1, estimate.microBatches)
        var free = [Double](repeating: now, count: estimate.stageSeconds.count)
        for batch in 0..<batches {
            // Sequences are spread evenly, the first micro-batches hold one more.
            let sequences = (estimate.concurrency + batches - 1 - batch) / batches
            var ready = now
            for (stage, seconds) in estimate.stageSeconds.enumerated() {
                let start = max(ready, free[stage])
                free[stage] = start + seconds
                computed(
                    replica,
                    RunTimeline.Step(
                        stage: stage, kind: .decode, promptTokens: 0, sequences: sequences, start: start,
                        end: free[stage]))
                ready = free[stage] + (stage < estimate.hopSeconds.count ? estimate.hopSeconds[stage] : 0)
            }
        }
    }
}
