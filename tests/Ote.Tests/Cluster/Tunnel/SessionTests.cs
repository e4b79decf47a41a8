using CsCheck;
using Ote.Cluster.Handling;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

public sealed class SessionTests
{
    private static readonly string[] OneTwoThree = ["1", "2", "3"];

    [Fact]
    public void Messages_arrive_in_order_and_one_acknowledgement_settles_them_all()
    {
        SessionPair pair = new();
        pair.Connect();
        foreach (string text in OneTwoThree) Assert.True(pair.Child.Queue(Lane.Commands, text, ticket: text));
        Assert.True(pair.Child.Send());
        Assert.Single(pair.Child.Wire); // three small messages share one packet
        pair.Parent.Receive();
        Assert.Equal(OneTwoThree, pair.Parent.Texts(Lane.Commands));
        Assert.Equal(AckNeed.None, pair.Parent.Session.Acks()); // nothing durable yet
        pair.Parent.CompleteAll();
        Assert.True(pair.Parent.Send(acks: true));
        pair.Child.Receive();
        Assert.Equal(OneTwoThree, pair.Child.Settled);
        Assert.Equal(0, pair.Child.Session.Queued(Lanes.Index(Lane.Commands)));
    }

    [Fact]
    [Trait("Defect", "T2")]
    public void Message_that_has_travelled_too_far_or_says_nothing_is_dropped_and_acknowledged()
    {
        SessionPair pair = new();
        pair.Connect();
        Message far = Arriving(1, m => m.Hops = (uint)pair.Options.MaxHops + 1);
        Message empty = Arriving(2, m => m.ClearPayload());
        Assert.Equal(Arrival.TooManyHops, pair.Parent.Session.OnMessage(far, 50));
        Assert.Equal(Arrival.NoPayload, pair.Parent.Session.OnMessage(empty, 50));
        Assert.Equal(Arrival.Deliver, pair.Parent.Session.OnMessage(Arriving(3, m => m.Hops = (uint)pair.Options.MaxHops), 50));
        Assert.Equal(2ul, Assert.Single(pair.Parent.Session.LastAcks()!.Received).Sequence);

        static Message Arriving(ulong sequence, Action<Message> change)
        {
            Message message = TestMessages.Text("x");
            message.Sequence = sequence;
            message.Id = Google.Protobuf.ByteString.CopyFrom(Guid.NewGuid().ToByteArray());
            change(message);
            return message;
        }
    }

    [Fact]
    public void Acknowledgement_waits_for_elder_messages_that_are_not_durable_yet()
    {
        SessionPair pair = new();
        pair.Connect();
        foreach (string text in OneTwoThree) pair.Child.Queue(Lane.Commands, text, ticket: text);
        pair.Child.Send();
        pair.Parent.Receive();
        pair.Parent.Complete(1);
        pair.Parent.Complete(1);
        Assert.Equal(AckNeed.None, pair.Parent.Session.Acks());
        pair.Parent.Complete(0);
        Assert.Equal(AckNeed.Late, pair.Parent.Session.Acks());
    }

    [Fact]
    public void A_few_small_messages_are_acknowledged_with_the_next_heartbeat_and_not_before()
    {
        SessionPair pair = new();
        pair.Connect();
        foreach (string text in OneTwoThree) pair.Child.Queue(Lane.Commands, text, ticket: text);
        pair.Child.Send();
        pair.Parent.Receive();
        pair.Parent.CompleteAll();
        pair.Now += 4400;
        Assert.False(pair.Parent.Send());
        pair.Now += 100;
        Assert.True(pair.Parent.Send());
        pair.Child.Receive();
        Assert.Equal(OneTwoThree, pair.Child.Settled);
    }

    [Fact]
    public void A_late_acknowledgement_rides_on_whatever_is_sent_first()
    {
        SessionPair pair = new();
        pair.Connect();
        pair.Child.Queue(Lane.Commands, "receipt", ticket: "receipt");
        pair.Child.Send();
        pair.Parent.Receive();
        pair.Parent.CompleteAll();
        pair.Parent.Queue(Lane.Commands, "the next command");
        Assert.True(pair.Parent.Send());
        Assert.Equal(1, pair.Parent.LastSent.Acks);
        pair.Child.Receive();
        Assert.Equal(["receipt"], pair.Child.Settled);
    }

    [Theory]
    [InlineData(4, 10, 4.5)] // one more than a few
    [InlineData(2, 9_000, 4.5)] // more bytes than a few messages may have
    [InlineData(1, 10, 6)] // heartbeats too rare to wait for
    public void Anything_more_is_acknowledged_soon(int messages, int size, double heartbeat)
    {
        SessionPair pair = new(new TunnelOptions { Heartbeat = TimeSpan.FromSeconds(heartbeat), Lease = TimeSpan.FromSeconds(20) });
        pair.Connect();
        for (int i = 0; i < messages; i++) pair.Child.Queue(Lane.Commands, new string('x', size));
        while (pair.Child.Send()) pair.Parent.Receive();
        pair.Parent.CompleteAll();
        Assert.Equal(AckNeed.Soon, pair.Parent.Session.Acks());
    }

    [Fact]
    public void Receipts_that_wait_for_room_in_flight_never_wait_for_a_heartbeat()
    {
        SessionPair pair = new();
        pair.Connect();
        int settled = 0;
        for (int sent = 0; sent < 100;)
        {
            for (; sent - pair.Child.Settled.Count < ReceiptOutbox.MaxBatchesInFlight; sent++) pair.Child.Queue(Lane.Commands, "batch", ticket: "batch");
            pair.Child.Send();
            pair.Parent.Receive();
            while (pair.Parent.Running.Count > 0 && pair.Parent.Session.Acks() < AckNeed.Soon) pair.Parent.Complete(0);
            if (pair.Parent.Session.Acks() >= AckNeed.Soon) pair.Parent.Send(acks: true);
            pair.Child.Receive();
            Assert.True(pair.Child.Settled.Count > settled, $"stuck after {settled} batches");
            settled = pair.Child.Settled.Count;
        }
    }

    [Fact]
    public void A_message_sent_again_is_acknowledged_soon()
    {
        SessionPair pair = new();
        pair.Connect();
        pair.Child.Queue(Lane.Work, "1");
        pair.Child.Send();
        byte[] packet = pair.Child.Wire.Peek();
        pair.Parent.Receive();
        pair.Parent.CompleteAll();
        pair.Parent.Send(acks: true);
        pair.Parent.Read(packet);
        Assert.Equal(AckNeed.Soon, pair.Parent.Session.Acks());
    }

    [Fact]
    public void Resume_sends_only_what_was_not_acknowledged_and_delivers_nothing_twice()
    {
        SessionPair pair = new();
        pair.Connect();
        pair.Child.Queue(Lane.Work, "1");
        pair.Settle();
        pair.Child.Queue(Lane.Work, "2");
        pair.Child.Send();
        pair.Parent.Receive(); // delivered, its acknowledgement lost
        pair.Parent.CompleteAll();
        pair.Child.Queue(Lane.Work, "3");
        pair.Cut();
        pair.Connect();
        Assert.True(pair.Resumed);
        Assert.True(pair.Child.Send());
        Assert.Equal(1, pair.Child.LastSent.Of(Lanes.Index(Lane.Work)).Messages); // the cursor in Welcome settled "2"
        pair.Settle();
        Assert.Equal(OneTwoThree, pair.Parent.Texts(Lane.Work));
    }

    [Fact]
    public void New_session_repeats_unacknowledged_messages_and_their_ids_keep_them_single()
    {
        SessionPair pair = new();
        pair.Connect();
        pair.Child.Queue(Lane.Work, "1");
        pair.Child.Queue(Lane.Work, "2");
        pair.Child.Send();
        pair.Parent.Receive();
        pair.Parent.Complete(0); // "1" durable, "2" still being handled, neither acknowledged
        pair.Cut();
        pair.Connect(parentForgets: true);
        Assert.False(pair.Resumed);
        pair.Child.Queue(Lane.Work, "3");
        pair.Child.Send();
        pair.Parent.Receive();
        Assert.Equal(OneTwoThree, pair.Parent.Texts(Lane.Work));
        Assert.Equal(2, pair.Parent.Running.Count);
        pair.Settle();
        Assert.Equal(0, pair.Child.Session.Queued(Lanes.Index(Lane.Work)));
        Assert.Equal(OneTwoThree, pair.Parent.Texts(Lane.Work));
    }

    [Fact]
    public void Message_that_got_lost_with_none_after_it_is_missed_at_the_next_heartbeat_and_comes_by_the_next_link()
    {
        SessionPair pair = new();
        pair.Connect();
        pair.Child.Queue(Lane.Commands, "1");
        pair.Settle();
        pair.Child.Queue(Lane.Commands, "2");
        pair.Child.Send();
        pair.Child.Wire.Clear();
        pair.Now += 4500;
        Assert.True(pair.Child.Send());

        ProtocolViolation gap = Assert.Throws<ProtocolViolation>(() => pair.Parent.Receive());
        Assert.Equal(ViolationReason.SequenceGap, gap.Reason);
        pair.Cut();
        pair.Connect();
        pair.Settle();
        Assert.Equal(["1", "2"], pair.Parent.Texts(Lane.Commands));
        pair.Now += 4500;
        pair.Settle(); // and nothing is missed any more
    }

    [Fact]
    public void Failed_message_comes_again_after_the_next_connect()
    {
        SessionPair pair = new();
        pair.Connect();
        pair.Child.Queue(Lane.Commands, "1");
        pair.Child.Send();
        pair.Parent.Receive();
        pair.Parent.Complete(0, succeeded: false);
        pair.Cut();
        pair.Connect();
        pair.Settle();
        Assert.Equal(["1", "1"], pair.Parent.Texts(Lane.Commands));
        Assert.Equal(0, pair.Child.Session.Queued(Lanes.Index(Lane.Commands)));
    }

    [Fact]
    public void Control_overtakes_a_large_message_between_its_chunks()
    {
        SessionPair pair = new();
        pair.Connect();
        pair.Child.Queue(Lane.Bulk, new string('x', 200_000));
        pair.Child.Send();
        pair.Child.Queue(Lane.Control, "urgent");
        pair.Child.Send();
        pair.Parent.Receive();
        pair.Parent.Receive();
        Assert.Equal(["urgent"], pair.Parent.Texts(Lane.Control));
        Assert.Empty(pair.Parent.Texts(Lane.Bulk));
        pair.Settle();
        Assert.Equal(200_000, Assert.Single(pair.Parent.Texts(Lane.Bulk)).Length);
    }

    [Fact]
    public void Newer_report_takes_the_place_of_a_queued_one_but_not_of_a_sent_one()
    {
        SessionPair pair = new();
        pair.Connect();
        pair.Child.Queue(Lane.Reports, "sent", key: "pods");
        pair.Child.Send();
        pair.Child.Queue(Lane.Reports, "old", key: "pods");
        pair.Child.Queue(Lane.Reports, "other", key: "nodes");
        pair.Child.Queue(Lane.Reports, "new", key: "pods");
        Assert.Equal(3, pair.Child.Session.Queued(Lanes.Index(Lane.Reports)));
        pair.Settle();
        Assert.Equal(["sent", "new", "other"], pair.Parent.Texts(Lane.Reports));
    }

    [Fact]
    [Trait("Defect", "M3")]
    public void Full_lane_takes_no_more_and_other_lanes_still_do()
    {
        SessionPair pair = new(new TunnelOptions { LaneMessages = 2 });
        pair.Connect();
        Assert.True(pair.Child.Queue(Lane.Work, "1"));
        Assert.True(pair.Child.Queue(Lane.Work, "2"));
        Assert.False(pair.Child.Queue(Lane.Work, "3"));
        Assert.True(pair.Child.Queue(Lane.Control, "4"));
    }

    [Fact]
    public void Window_holds_back_what_the_peer_has_no_room_for()
    {
        SessionPair pair = new(new TunnelOptions { Window = 2 });
        pair.Connect();
        foreach (string text in OneTwoThree) pair.Child.Queue(Lane.Work, text);
        pair.Child.Send();
        Assert.Equal(2, pair.Child.LastSent.Of(Lanes.Index(Lane.Work)).Messages);
        pair.Settle();
        Assert.Equal(OneTwoThree, pair.Parent.Texts(Lane.Work));
    }

    [Fact]
    public void Round_trip_follows_from_an_echoed_heartbeat()
    {
        SessionPair pair = new();
        pair.Connect();
        pair.Now += 4500;
        pair.Child.Send();
        pair.Now += 30;
        pair.Parent.Receive();
        pair.Now += 70;
        pair.Parent.Send();
        pair.Now += 20;
        FrameReader reader = new(pair.Parent.Wire.Peek());
        Assert.True(reader.TryRead(out Frame.KindOneofCase kind, out ReadOnlySpan<byte> body));
        Assert.Equal(Frame.KindOneofCase.Heartbeat, kind);
        Assert.Equal(50, pair.Child.Session.OnHeartbeat(FrameReader.Parse(Heartbeat.Parser, body), pair.Now));
    }

    [Fact]
    public void Silence_for_a_lease_loses_the_link()
    {
        SessionPair pair = new();
        pair.Connect();
        Assert.Equal(SessionState.Send, pair.Child.Session.Tick(pair.Now + 4500));
        Assert.NotEqual(SessionState.Lost, pair.Child.Session.Tick(pair.Now + 9499));
        Assert.Equal(SessionState.Lost, pair.Child.Session.Tick(pair.Now + 9500));
    }

    [Fact]
    public void Idle_link_costs_at_most_twenty_bytes_a_second_with_tls_and_websocket_around()
    {
        SessionPair pair = new();
        pair.Connect();
        const int turns = 80;
        const int tlsRecord = 22, serverHeader = 2, clientHeader = 6;
        long bytes = 0;
        for (int i = 0; i < turns; i++)
        {
            pair.Now += 4500;
            pair.Child.Send();
            pair.Parent.Send();
            bytes += pair.Child.Wire.Peek().Length + clientHeader + pair.Parent.Wire.Peek().Length + serverHeader + (2 * tlsRecord);
            pair.Parent.Receive();
            pair.Child.Receive();
        }

        Assert.InRange(bytes / (turns * 4.5), 10, 20);
    }

    [Fact]
    public void Message_stays_single_though_an_elder_completed_after_it_and_two_new_sessions_followed()
    {
        SessionPair pair = new(new TunnelOptions { Window = 4 });
        pair.Connect();
        string b = new('b', 12_000), c = new('c', 12_000);
        foreach (string text in new[] { "a", b, c, "d" }) pair.Child.Queue(Lane.Work, text);
        for (int i = 0; i < 2; i++) pair.Child.Send(); // one packet for a and b, one for c and d
        for (int i = 0; i < 2; i++) pair.Parent.Receive();
        for (int i = 0; i < 3; i++) pair.Parent.Complete(1);
        pair.Parent.Complete(0); // a, the eldest, completes last
        pair.Cut();
        pair.Connect(parentForgets: true);
        for (int i = 0; i < 2; i++) pair.Child.Send();
        pair.Parent.Receive();
        pair.Parent.Send(acks: true); // a and b only
        pair.Child.Receive();
        pair.Child.Queue(Lane.Work, "e");
        pair.Child.Queue(Lane.Work, "f");
        pair.Child.Send();
        for (int i = 0; i < 2; i++) pair.Parent.Receive();
        pair.Parent.CompleteAll();
        pair.Cut();
        pair.Connect(parentForgets: true);
        pair.Settle();
        Assert.Equal(["a", b, c, "d", "e", "f"], pair.Parent.Texts(Lane.Work));
    }

    [Fact]
    [Trait("Defect", "M1")]
    [Trait("Defect", "M4")]
    public void Every_accepted_message_is_delivered_once_and_in_order_whatever_is_cut()
    {
        Gen.Int[0, 99].Array[50, 400].Sample(Run, iter: 120);

        static void Run(int[] steps)
        {
            SessionPair pair = new(new TunnelOptions { Window = 4, LaneMessages = 50 });
            pair.Connect();
            Dictionary<(bool FromChild, Lane Lane), List<string>> accepted = [];
            for (int i = 0; i < steps.Length; i++) Step(pair, steps[i], i, accepted);
            if (!pair.Child.Session.IsConnected) pair.Connect();
            pair.Settle();
            foreach (((bool fromChild, Lane lane), List<string> texts) in accepted)
            {
                Assert.Equal(texts, (fromChild ? pair.Parent : pair.Child).Texts(lane));
            }
        }
    }

    private static void Step(SessionPair pair, int step, int number, Dictionary<(bool FromChild, Lane Lane), List<string>> accepted)
    {
        bool child = step % 2 == 0;
        SessionPair.Side side = child ? pair.Child : pair.Parent;
        switch (step)
        {
            case < 40:
                Lane lane = Lanes.At(step % Lanes.Count);
                string text = step % 13 == 0 ? new string((char)('a' + (number % 26)), 40_000) + number : number.ToString(System.Globalization.CultureInfo.InvariantCulture);
                if (!side.Queue(lane, text)) return;
                if (!accepted.TryGetValue((child, lane), out List<string>? texts)) accepted[(child, lane)] = texts = [];
                texts.Add(text);
                break;
            case < 60:
                side.Send(acks: step < 50);
                break;
            case < 80:
                side.Receive();
                break;
            case < 92:
                if (side.Running.Count > 0) side.Complete(number % side.Running.Count);
                break;
            case < 97:
                pair.Cut();
                pair.Connect();
                break;
            default:
                pair.Cut();
                pair.Connect(parentForgets: true);
                break;
        }
    }
}
