using CsCheck;
using Google.Protobuf;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Protocol;

/// <summary>
/// Frames as earlier builds wrote them still mean the same, and a field of a later build does no harm. A recorded line is never
/// changed; a new form of a frame gets a new line.
/// </summary>
public sealed class OldBytesTests
{
    private static readonly ByteString Sixteen = ByteString.CopyFrom([.. Enumerable.Range(0, 16).Select(i => (byte)i)]);

    private static readonly Dictionary<string, Frame> Meanings = new()
    {
        ["hello"] = new Frame
        {
            Hello = new Hello
            {
                Name = "c1", Uid = "u1", Incarnation = Sixteen, Epoch = 300, Tags = { "tier=edge", "gpu" }, AdvertisedAddress = "h:1",
                Version = "0.1", Protocol = 1, Session = Sixteen, Received = { new LaneCursor { Lane = Lane.Commands, Sequence = 7 } },
            },
        },
        ["welcome"] = new Frame
        {
            Welcome = new Welcome
            {
                Name = "root", Path = { "root" }, Candidates = { new Candidate { Name = "s", Address = "s:1", Path = { "root", "s" } } },
                Limits = new Limits { MaxFrameBytes = 65536, MaxMessageBytes = 1, MaxHops = 2, MaxMessagesPerSecond = 3, WindowMessages = 4, HeartbeatMilliseconds = 4500, LeaseMilliseconds = 9500 },
                Session = Sixteen, Resumed = true, Received = { new LaneCursor { Lane = Lane.Bulk, Sequence = 1 } }, Protocol = 1, Version = "0.1",
            },
        },
        ["refuse"] = new Frame { Refuse = new Refuse { Reason = Refuse.Types.Reason.OldEpoch, Text = "old", RetryAfterMilliseconds = 5, Never = true, KnownEpoch = 9 } },
        ["heartbeat"] = new Frame { Heartbeat = new Heartbeat { Sent = 1, Echo = 2, EchoDelay = 3, Digest = 0x1122334455667788 } },
        ["ack"] = new Frame { Ack = new Ack { Received = { new LaneCursor { Lane = Lane.Control, Sequence = 1000 } } } },
        ["chunk"] = new Frame { Chunk = new Chunk { Lane = Lane.Bulk, Sequence = 2, Index = 1, TotalBytes = 99, Part = Sixteen } },
        ["close"] = new Frame { Close = new Close { Reason = "bye", Final = true } },
        ["command"] = Of(new Message
        {
            Command = new Command
            {
                Entry = "root", CommandUid = "u", Generation = 1, Selector = "tier=edge", Destination = "api", Method = "POST", Url = "/x", Body = Sixteen,
                ContentType = "application/json", DeadlineUnixMilliseconds = 5, TimeoutMilliseconds = 6, MaxResponseBytes = 7,
                Requester = new Requester { User = "me", Groups = { "g" } }, DisplayName = "ns/n",
            },
        }),
        ["cancel"] = Of(new Message { CancelCommand = new CancelCommand { CommandUid = "u", Generation = 1, Selector = "*" } }),
        ["receipts"] = Of(new Message
        {
            Receipts = new ReceiptBatch
            {
                Receipts =
                {
                    new Receipt
                    {
                        Cluster = "c1", CommandUid = "u", Generation = 1, Stage = Stage.Executed, Code = 201, Body = Sixteen, ContentType = "t", Error = "e", Text = "x",
                        AtUnixMilliseconds = 4, Entry = "root", Truncated = true,
                    },
                },
            },
        }),
        ["routes"] = Of(new Message
        {
            RouteDelta = new RouteDelta
            {
                FromVersion = 1, ToVersion = 2, Removals = { "gone" },
                Upserts = { new RouteEntry { Name = "c1", Uid = "u", Parent = "p", Epoch = 3, Tags = { "a" }, Online = true, Address = "h:1", Version = "v", SinceUnixMilliseconds = 8, Managed = true } },
            },
        }),
        ["join"] = Of(new Message { JoinRequest = new JoinRequest { RequestId = Sixteen, Token = "a.b", Name = "c1", Uid = "u", Csr = Sixteen, Via = { "p" }, PreviousCertificate = Sixteen, PreviousSignature = Sixteen } }),
        ["hello with revocations"] = new Frame { Hello = new Hello { Name = "c1", Uid = "u1", Epoch = 1, Revocations = 300 } },
        ["hello with a budget"] = new Frame { Hello = new Hello { Name = "c1", Budget = new Budget { BytesPerSecond = 300, Revision = 2 }, Today = new LinkDay { Day = 739680, Bytes = 5, Saved = 6 }, Compressions = { Compression.Brotli } } },
        ["packed"] = new Frame { Packed = new Packed { Lane = Lane.Bulk, Sequence = 2, Method = Compression.Brotli, OriginalBytes = 300, Body = Sixteen } },
        ["packed chunk"] = new Frame { Chunk = new Chunk { Lane = Lane.Bulk, Sequence = 2, TotalBytes = 99, Part = Sixteen, Method = Compression.Brotli, OriginalBytes = 300 } },
        ["revocations"] = Of(new Message { Revocations = new RevocationList { Content = Sixteen, Signature = Sixteen } }),
        ["join answer"] = Of(new Message { JoinAnswer = new JoinAnswer { RequestId = Sixteen, Outcome = JoinAnswer.Types.Outcome.Issued, Certificate = Sixteen, Authority = Sixteen, Text = "t", RetryAfterMilliseconds = 1, Via = { "p" } } }),
    };

    public static TheoryData<string, string> Recorded => new()
    {
        { "hello", "0A510A026331120275311A10000102030405060708090A0B0C0D0E0F20AC022A09746965723D656467652A036770753203683A313A03302E3140014A10000102030405060708090A0B0C0D0E0F520408021007" },
        { "welcome", "12540A04726F6F741204726F6F741A110A01731203733A311A04726F6F741A01732212088080041001180220032804309423389C4A2A10000102030405060708090A0B0C0D0E0F30013A040805100140014A03302E31" },
        { "hello with a budget", "0A1B0A02633182010508AC0230028A010808E0922D1005180692010101" },
        { "packed", "4A1B08051002180120AC022A10000102030405060708090A0B0C0D0E0F" },
        { "packed chunk", "3A1D0805100220632A10000102030405060708090A0B0C0D0E0F300138AC02" },
        { "refuse", "1A0D080512036F6C64180520012809" },
        { "heartbeat", "220F080110021803218877665544332211" },
        { "ack", "2A070A05080110E807" },
        { "chunk", "3A1A08051002180120632A10000102030405060708090A0B0C0D0E0F" },
        { "close", "42070A036279651001" },
        { "command", "32B201080210031A10000102030405060708090A0B0C0D0E0F20012A3730302D30616637363531393136636434336464383434386562323131633830333139632D623761643662373136393230333333312D3031A2015E0A04726F6F7412017518012209746965723D656467652A036170693204504F53543A022F784210000102030405060708090A0B0C0D0E0F4A106170706C69636174696F6E2F6A736F6E5005580660076A070A026D6512016772046E732F6E" },
        { "cancel", "325C080210031A10000102030405060708090A0B0C0D0E0F20012A3730302D30616637363531393136636434336464383434386562323131633830333139632D623761643662373136393230333333312D3031AA01080A017510011A012A" },
        { "receipts", "328901080210031A10000102030405060708090A0B0C0D0E0F20012A3730302D30616637363531393136636434336464383434386562323131633830333139632D623761643662373136393230333333312D3031B201350A330A0263311201751801200428C9013210000102030405060708090A0B0C0D0E0F3A01744201654A017850045A04726F6F746001" },
        { "routes", "327C080210031A10000102030405060708090A0B0C0D0E0F20012A3730302D30616637363531393136636434336464383434386562323131633830333139632D623761643662373136393230333333312D30315A29080110021A1D0A0263311201751A017020032A016130013A03683A31420176480850012204676F6E65" },
        { "join", "32AA01080210031A10000102030405060708090A0B0C0D0E0F20012A3730302D30616637363531393136636434336464383434386562323131633830333139632D623761643662373136393230333333312D303172570A10000102030405060708090A0B0C0D0E0F1203612E621A0263312201752A10000102030405060708090A0B0C0D0E0F3201703A10000102030405060708090A0B0C0D0E0F4210000102030405060708090A0B0C0D0E0F" },
        { "join answer", "329301080210031A10000102030405060708090A0B0C0D0E0F20012A3730302D30616637363531393136636434336464383434386562323131633830333139632D623761643662373136393230333333312D30317A400A10000102030405060708090A0B0C0D0E0F10011A10000102030405060708090A0B0C0D0E0F2210000102030405060708090A0B0C0D0E0F2A017430013A0170" },
        { "hello with revocations", "0A0D0A02633112027531200170AC02" },
        { "revocations", "3278080210031A10000102030405060708090A0B0C0D0E0F20012A3730302D30616637363531393136636434336464383434386562323131633830333139632D623761643662373136393230333333312D30318A01240A10000102030405060708090A0B0C0D0E0F1210000102030405060708090A0B0C0D0E0F" },
    };

    [Theory]
    [MemberData(nameof(Recorded))]
    public void Old_bytes_still_mean_the_same(string what, string hex) => Assert.Equal(Meanings[what], Frame.Parser.ParseFrom(Convert.FromHexString(hex)));

    [Theory]
    [MemberData(nameof(Recorded))]
    public void Unknown_fields_of_a_later_build_are_skipped(string what, string hex)
    {
        byte[] packet = [.. Convert.FromHexString("FA0103616263F8010DE50100000000"), .. Convert.FromHexString(hex)];
        FrameReader reader = new(packet);
        Assert.True(reader.TryRead(out Frame.KindOneofCase kind, out _));
        Assert.Equal(Meanings[what].KindCase, kind);
        Assert.False(reader.TryRead(out _, out _));
    }

    [Fact]
    public void Any_bytes_either_parse_or_are_a_violation()
    {
        Gen.Byte.Array[1, 80].Sample(static bytes =>
        {
            try
            {
                FrameReader reader = new(bytes);
                while (reader.TryRead(out Frame.KindOneofCase kind, out ReadOnlySpan<byte> body))
                {
                    if (kind == Frame.KindOneofCase.Message) FrameReader.Parse(Message.Parser, body);
                }
            }
            catch (ProtocolViolation)
            {
                // the only exception there may be
            }
        }, iter: 20_000);
    }

    private static Frame Of(Message message)
    {
        message.Lane = Lane.Commands;
        message.Sequence = 3;
        message.Id = Sixteen;
        message.Hops = 1;
        message.Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        return new Frame { Message = message };
    }
}
