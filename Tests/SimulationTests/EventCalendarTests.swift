import Testing

@testable import Simulation

@Suite struct EventCalendarTests {
    @Test func eventsComeInOrderOfTimeAndThenOfAddition() {
        var calendar = EventCalendar<Int>()
        #expect(calendar.next() == nil && calendar.nextTime == nil)
        let times = [3.0, 1, 2, 1, 3, 0, 2, 1, 5, 4]
        for (number, time) in times.enumerated() { calendar.add(number, at: time) }
        var seen: [(Double, Int)] = []
        while let time = calendar.nextTime, let (popped, event) = calendar.next() {
            #expect(time == popped)
            seen.append((popped, event))
        }
        let expected = times.enumerated().sorted { ($0.element, $0.offset) < ($1.element, $1.offset) }
        #expect(seen.map(\.1) == expected.map(\.offset) && seen.map(\.0) == expected.map(\.element))
    }

    @Test func eventsMayBeAddedBetween() {
        var calendar = EventCalendar<String>()
        calendar.add("late", at: 10)
        calendar.add("early", at: 1)
        #expect(calendar.next()?.event == "early")
        calendar.add("middle", at: 5)
        #expect(calendar.next()?.event == "middle" && calendar.next()?.event == "late")
    }
}
