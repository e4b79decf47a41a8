using System.Text.Json;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Audit;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Audit;

public sealed class AuditLogTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly HashSet<string> Nobody = [];
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-audit-").FullName;

    private string File => Path.Combine(_folder, "audit.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Line_says_who_what_and_where_and_holds_no_body()
    {
        var command = Command("u1");
        var accepted = Read(AuditLine.Accepted("root", command, 3, new HashSet<string> { "c2" }, Now));
        Assert.Equal(
            """{"time":"2026-03-01T12:00:00.000Z","event":"accepted","cluster":"root","uid":"u1","generation":2,"entry":"root","command":"default/make","user":"alice","groups":["shop"],"destination":"api","method":"POST","url":"/api/v1/namespaces/shop/secrets","verb":"create","bodyBytes":6,"selector":"tier=edge","trace":"0af7651916cd43dd8448eb211c80319c","targets":3,"notAllowed":1,"notAllowedClusters":["c2"]}""",
            accepted);
        var outcome = Read(AuditLine.Outcome("c1", command, new Receipt { Stage = Stage.Executed, Code = 403, Error = "NotAllowed", Text = "s3cret", Body = ByteString.CopyFromUtf8("s3cret") }, mayHaveRun: false, TimeSpan.FromMilliseconds(7), Now));
        Assert.EndsWith(""","outcome":"Refused","code":403,"error":"NotAllowed","milliseconds":7}""", outcome, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", accepted + outcome, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Stage.Executed, "", false, "Executed")] // whatever code: the cluster's own answer
    [InlineData(Stage.Executed, "", true, "Executed")]
    [InlineData(Stage.Executed, "TooLarge", false, "Executed")]
    [InlineData(Stage.Executed, "NotAllowed", false, "Refused")]
    [InlineData(Stage.Executed, "NotAllowed", true, "Unknown")] // it may have run before it was not allowed any more
    [InlineData(Stage.Executed, "NoManagedCluster", false, "Refused")]
    [InlineData(Stage.Executed, "UnknownDestination", false, "Refused")]
    [InlineData(Stage.Executed, "UnsupportedMethod", false, "Refused")]
    [InlineData(Stage.Executed, "BadRequest", false, "Refused")]
    [InlineData(Stage.Executed, "Busy", false, "Refused")]
    [InlineData(Stage.Executed, "Refused", false, "Refused")]
    [InlineData(Stage.Executed, "Unreachable", false, "Unknown")]
    [InlineData(Stage.Executed, "TimedOut", false, "Unknown")]
    [InlineData(Stage.Executed, "OutcomeUnknown", true, "Unknown")]
    [InlineData(Stage.Executed, "Internal", false, "Unknown")]
    [InlineData(Stage.Expired, "Busy", false, "Expired")]
    [InlineData(Stage.Cancelled, "Superseded", false, "Cancelled")]
    [InlineData(Stage.NotSelected, "NotSelected", false, "NotSelected")]
    public void Executed_is_what_the_cluster_has_answered_and_nothing_else(Stage stage, string error, bool mayHaveRun, string word) => Assert.Contains(
        $"\"outcome\":\"{word}\",",
        Read(AuditLine.Outcome("c1", Command("u1"), new Receipt { Stage = stage, Error = error }, mayHaveRun, null, Now)),
        StringComparison.Ordinal);

    [Fact]
    public void File_is_its_owners_alone_also_one_that_was_wider()
    {
        System.IO.File.WriteAllText(File, "");
        System.IO.File.SetUnixFileMode(File, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        using var log = Open();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
    }

    [Fact]
    public void The_same_event_stands_there_once_also_after_a_restart_and_after_a_line_that_was_cut_off()
    {
        using (var log = Open())
        {
            log.Write(Accepted("u1"));
            log.Write(Accepted("u1"));
        }

        System.IO.File.AppendAllText(File, """{"time":"2026""");
        using (var log = Open())
        {
            log.Write(Accepted("u1"));
            log.Write(Accepted("u2"));
        }

        Assert.Equal(["accepted u1.2", null, "accepted u2.2"], System.IO.File.ReadAllLines(File).Select(l => AuditLine.KeyOf(System.Text.Encoding.UTF8.GetBytes(l))));
    }

    [Fact]
    public void A_full_file_takes_the_place_of_the_one_before_so_that_twice_its_size_is_kept()
    {
        using var log = Open();
        for (var i = 0; i < 1000; i++)
        {
            log.Write(Accepted($"u{i}"));
            Assert.True(new FileInfo(File).Length <= AuditLog.LeastMaxBytes);
        }

        Assert.Equal(["audit.jsonl", "audit.jsonl.1"], Directory.GetFiles(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains("u999", System.IO.File.ReadAllLines(File)[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_disk_loses_lines_that_are_counted_and_harms_nothing_else()
    {
        var disk = new SmallDisk(File);
        using var log = AuditLog.Open(File, AuditLog.LeastMaxBytes, NullLogger.Instance, _ => disk.Open());
        using var meter = new System.Diagnostics.Metrics.Meter("test");
        var lost = 0L;
        using var listener = new System.Diagnostics.Metrics.MeterListener();
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => lost += value);
        var counter = meter.CreateCounter<long>("ote.audit.lost");
        listener.EnableMeasurementEvents(counter);
        log.CountLost(counter);

        log.Write(Accepted("u1"));
        disk.IsFull = true;
        log.Write(Accepted("u2"));
        log.Write(Accepted("u3"));
        disk.IsFull = false;
        log.Write(Accepted("u4"));

        Assert.Equal(2, lost);
        Assert.Equal(["accepted u1.2", "accepted u4.2"], System.IO.File.ReadAllLines(File).Select(l => AuditLine.KeyOf(System.Text.Encoding.UTF8.GetBytes(l))).Where(k => k is not null));
    }

    private static AuditLine Accepted(string uid) => AuditLine.Accepted("root", Command(uid), 1, Nobody, Now);

    private static Command Command(string uid) => new()
    {
        Entry = "root",
        CommandUid = uid,
        Generation = 2,
        Selector = "tier=edge",
        Destination = "api",
        Method = "POST",
        Url = "/api/v1/namespaces/shop/secrets",
        Body = ByteString.CopyFromUtf8("s3cret"),
        Requester = new Requester { User = "alice", Groups = { "shop" } },
        DisplayName = "default/make",
        Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };

    private static string Read(AuditLine line)
    {
        var text = System.Text.Encoding.UTF8.GetString(line.Json.Span);
        JsonDocument.Parse(text).Dispose();
        return text.TrimEnd('\n');
    }

    private AuditLog Open() => AuditLog.Open(File, AuditLog.LeastMaxBytes, NullLogger.Instance);

    /// <summary>A disk that takes half a line when it is full.</summary>
    private sealed class SmallDisk(string file)
    {
        public bool IsFull { get; set; }

        public Stream Open() => new Half(this, file);

        private sealed class Half(SmallDisk disk, string file) : FileStream(file, FileMode.Append, FileAccess.Write, FileShare.Read, 0)
        {
            public override void Write(ReadOnlySpan<byte> buffer)
            {
                base.Write(disk.IsFull ? buffer[..(buffer.Length / 2)] : buffer);
                if (disk.IsFull)
                {
                    throw new IOException("No space left on device");
                }
            }
        }
    }
}
