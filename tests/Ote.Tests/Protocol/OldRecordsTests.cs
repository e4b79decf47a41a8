using Google.Protobuf;
using Ote.Protocol.Records;
using Ote.Protocol.Reports;
using Ote.Protocol.Tunnel;
using Ote.Shim.Contract;

namespace Ote.Tests.Protocol;

/// <summary>
/// Journal records and shim messages as earlier builds wrote them still mean the same. A recorded line is never changed; a new form gets a
/// new line.
/// </summary>
public sealed class OldRecordsTests
{
    private static readonly ByteString Four = ByteString.CopyFrom(0, 1, 2, 3);

    private static readonly ClusterMessage Message = new() { Id = Four, From = "c1", To = "c2", DeadlineUnixMilliseconds = 9, Data = new MessageData { Topic = "t", ContentType = "text/plain", Body = Four } };

    private static readonly Dictionary<string, IMessage> Meanings = new()
    {
        ["self"] = new SelfRecord { Epoch = 300, Tags = { "tier=edge", "gpu" }, TagsGeneration = 4, StartTags = { "tier=edge" } },
        ["execution, taken"] = new ExecutionRecord { Command = new Command { Entry = "root", CommandUid = "u", Generation = 2, Method = "GET", Url = "/x" }, Started = true, Cancelled = true },
        ["execution, finished"] = new ExecutionRecord { Result = new Receipt { Cluster = "c1", CommandUid = "u", Generation = 2, Stage = Stage.Executed, Code = 404, Body = Four } },
        ["transit"] = new TransitRecord { Message = new Message { Lane = Lane.Commands, Sequence = 5, Id = Four, CancelCommand = new CancelCommand { CommandUid = "u", Generation = 2 } }, Children = { "north", "south" } },
        ["uplink"] = new UplinkRecord
        {
            HomeName = "north", HomeUid = "u1", HomeAddress = "north:8287", Candidates = { new Candidate { Name = "south", Address = "south:8287", Path = { "root", "south" }, Uid = "u2", Children = 3 } },
            Placement = new SetPlacement { Name = "c1", PinnedParent = "north", ForbiddenParents = { "west" }, Drain = true, Generation = 2 },
        },
        ["relay"] = new RelayRecord { Message = Message, FromAbove = true, Hops = 2 },
        ["sent"] = new SentRecord { Message = Message, Outcome = new MessageOutcome { State = MessageOutcome.Types.State.NoCluster, Text = "t", Hops = 3 }, EndedUnixMilliseconds = 5 },
        ["inbox"] = new InboxRecord { Message = Message, Taken = true, ArrivedUnixMilliseconds = 6, Hops = 2, Order = 7 },
        ["budget"] = new BudgetRecord
        {
            Budget = new Budget
            {
                BytesPerSecond = 65_536, DailyBytes = 200 << 20, QuietHours = { new DayPart { FromMinute = 1320, ToMinute = 360 } }, OffsetMinutes = 480,
                LaneWeights = new LaneShare { Commands = 4, Work = 2, Reports = 1, Bulk = 1 }, Revision = 3,
            },
            Generation = 2,
        },
        ["issued"] = new IssuedRecord { Name = "shop-1", Uid = "u1", Token = "abcdef", UntilUnixSeconds = 1_772_366_400, Confirmed = true },
        ["issued token"] = new IssuedTokenRecord { Used = 300 },
        ["lateral"] = new LateralRecord
        {
            Wish = new SetLateral { Name = "c1", Peers = { new LateralPeer { Name = "c2", Uid = "u2", Address = "c2:8287", Subtree = true, Budget = new Budget { BytesPerSecond = 1000 } } }, Generation = 2 },
        },
        ["request"] = new ExecuteRequest
        {
            Destination = "api", Method = "PATCH", Url = "/x", Body = Four, ContentType = "application/json", IdempotencyKey = "u.2", Replay = true,
            User = new User { Name = "me", Groups = { "g" } }, TimeoutMilliseconds = 5, MaxResponseBytes = 6,
        },
        ["answer"] = new ExecuteResponse { Code = 201, Body = Four, ContentType = "text/plain" },
        ["refusal"] = new ExecuteResponse { Code = 429, Error = ExecuteResponse.Types.Error.Busy, Text = "full" },
        ["description"] = new ShimDescription { Kind = "k", Version = "1", Contract = 1, Destinations = { "api" }, MaxParallel = 16, MaxResponseBytes = 1024 },
        ["readiness"] = new Readiness { Ready = true, ClusterVersion = "v1", Text = "t" },
        ["readiness with figures"] = new Readiness
        {
            Ready = true, ClusterVersion = "v1", Summary = new ClusterSummary { Nodes = 2, NodesReady = 1, Pods = 3, Resources = { new ResourceFigures { Name = "cpu", Capacity = 4000 } } },
        },
        ["describe"] = new DescribeRequest { Contract = 1 },
        ["live bytes"] = new LiveBytes { Data = Four },
    };

    public static TheoryData<string, string> Recorded => new()
    {
        { "self", "08AC021209746965723D65646765120367707518042209746965723D65646765" },
        { "execution, taken", "0A140A04726F6F74120175180232034745543A022F7810012001" },
        { "execution, finished", "1A140A02633112017518022004289403320400010203" },
        { "transit", "0A12080210051A0400010203AA01050A0175100212056E6F7274681205736F757468" },
        { "uplink", "0A056E6F727468120275311A0A6E6F7274683A3832383722260A05736F757468120A736F7574683A383238371A04726F6F741A05736F7574682202753228032A150A02633112056E6F7274681A047765737420012802" },
        { "relay", "0A270A0400010203120263311A026332280952150A0174120A746578742F706C61696E1A040001020310011802" },
        { "sent", "0A270A0400010203120263311A026332280952150A0174120A746578742F706C61696E1A04000102031207080412017418031805" },
        { "inbox", "0A270A0400010203120263311A026332280952150A0174120A746578742F706C61696E1A04000102031001180620022807" },
        { "budget", "0A200880800410808080641A0608A80A10E80220C0072A08080410021801200130031002" },
        { "issued", "0A0673686F702D31120275311A0661626364656620C0D490CD062801" },
        { "issued token", "08AC02" },
        { "lateral", "0A200A02633112180A026332120275321A0763323A3832383720012A0308E8071802" },
        { "request", "0A03752E3210011A03617069220550415443482A022F783204000102033A106170706C69636174696F6E2F6A736F6E42070A026D6512016748055006" },
        { "answer", "08C9011204000102031A0A746578742F706C61696E" },
        { "refusal", "08AD03200C2A0466756C6C" },
        { "description", "0A016B120131180122036170692810308008" },
        { "readiness", "08011201741A027631" },
        { "readiness with figures", "08011A02763122100802100118034A080A0363707510A01F" },
        { "describe", "0801" },
        { "live bytes", "0A0400010203" },
    };

    [Theory]
    [MemberData(nameof(Recorded))]
    public void Old_bytes_still_mean_the_same(string what, string hex)
    {
        IMessage meant = Meanings[what];

        IMessage read = meant.Descriptor.Parser.ParseFrom(Convert.FromHexString(hex));

        Assert.True(meant.Equals(read), $"{what} reads as {read} and was written as {meant}, today {Convert.ToHexString(meant.ToByteArray())}");
    }

    [Fact]
    public void Every_message_of_the_journal_and_of_the_contract_is_recorded() => Assert.Equal(
        RecordsReflection.Descriptor.MessageTypes.Concat(ShimReflection.Descriptor.MessageTypes).Select(type => type.Name).Order(),
        Meanings.Values.Select(message => message.Descriptor.Name).Append("ReadinessRequest").Append("User").Distinct().Order());
}
