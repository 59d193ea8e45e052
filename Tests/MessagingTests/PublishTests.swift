import Messaging
import Testing

@Suite(.timeLimit(.minutes(3))) struct PublishTests {
    /// Publishes until the subscriber has got something: a subscription takes a moment to reach the publisher.
    private func join(_ publisher: PublisherSocket, _ subscriber: SubscriberSocket, topic: String) async throws {
        let before = subscriber.statistics.receivedMessages
        try await eventually("the subscription is in force") {
            try await publisher.publish([Frame("join")], topic: topic)
            return subscriber.statistics.receivedMessages > before
        }
    }

    @Test func topicsArriveWhereTheyWereAskedFor() async throws {
        try await TestBus.with { bus in
            let publisher = try await PublisherSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let fleet = try await SubscriberSocket.connect(to: publisher.endpoint, topics: ["fleet"], on: bus.thread)
            let all = try await SubscriberSocket.connect(to: publisher.endpoint, topics: [""], on: bus.thread)
            try await join(publisher, fleet, topic: "fleet.join")
            try await join(publisher, all, topic: "all.join")
            for index in 0..<10 {
                try await publisher.publish([Frame("\(index)"), Frame("body")], topic: "fleet.snapshot")
                try await publisher.publish([Frame("\(index)")], topic: "plan")
            }
            var seen: [String] = []
            for await message in fleet.messages where message.topic == "fleet.snapshot" {
                #expect(message.texts.last == "body")
                seen.append(message.texts[0])
                if seen.count == 10 { break }
            }
            #expect(seen == (0..<10).map(String.init))
            var plans = 0
            for await message in all.messages where message.topic == "plan" {
                plans += 1
                if plans == 10 { break }
            }
            #expect(plans == 10)
        }
    }

    @Test func subscriptionsChangeAndPublishersAreAdded() async throws {
        try await TestBus.with { bus in
            let first = try await PublisherSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let second = try await PublisherSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let subscriber = try await SubscriberSocket.connect(to: first.endpoint, topics: [], on: bus.thread)
            try await subscriber.connect(to: second.endpoint)
            try await subscriber.subscribe(to: "state")
            try await join(first, subscriber, topic: "state")
            try await join(second, subscriber, topic: "state")
            try await subscriber.unsubscribe(from: "state")
            try await subscriber.subscribe(to: "other")
            try await join(first, subscriber, topic: "other")
            await #expect(throws: MessagingError.self) { try await subscriber.connect(to: "nonsense://") }
        }
    }
}
