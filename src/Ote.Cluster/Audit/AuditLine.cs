using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Ote.Cluster.Access;
using Ote.Cluster.Commands;
using Ote.Cluster.Identity;
using Ote.Protocol.Tunnel;
using ShimError = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Cluster.Audit;

/// <summary>
/// One line of an audit log: who, what, where, and what became of it. Never a body, neither of a request nor of an answer, nor a text that
/// may quote one. Pure.
/// </summary>
/// <param name="Key">The same for the same event of the same command, also after a restart: it stands in the log once.</param>
/// <param name="Json">The line, with its end.</param>
internal sealed record AuditLine(string Key, ReadOnlyMemory<byte> Json)
{
    /// <summary>The error of a command that a policy, or the shim's list, does not allow.</summary>
    public const string NotAllowed = nameof(ShimError.NotAllowed);

    /// <summary>The error of a command for a cluster that has no shim.</summary>
    public const string NoManagedCluster = "NoManagedCluster";

    private const int MostNames = 100;

    /// <summary>An entry has accepted a command.</summary>
    public static AuditLine Accepted(string cluster, Command command, int targets, IReadOnlySet<string> notAllowed, DateTimeOffset at) =>
        Write("accepted", cluster, command, at, json =>
        {
            json.WriteNumber("targets", targets);
            Names(json, notAllowed);
        });

    /// <summary>Somebody has cancelled a command that was not over.</summary>
    /// <param name="cluster">The entry.</param>
    /// <param name="command">The command, as it was asked for.</param>
    /// <param name="by">Who cancelled it.</param>
    /// <param name="targets">How many it is for.</param>
    /// <param name="open">How many of them had no outcome.</param>
    /// <param name="at">When.</param>
    public static AuditLine Cancelled(string cluster, Command command, Requester by, int targets, int open, DateTimeOffset at) => Write("cancelled", cluster, command, at, json =>
    {
        Who(json, "cancelledBy", by);
        json.WriteNumber("targets", targets);
        json.WriteNumber("open", open);
    });

    /// <summary>A controller does not allow a command for some clusters, or for none.</summary>
    public static AuditLine Refused(string cluster, Command command, IReadOnlySet<string> notAllowed, string why, DateTimeOffset at) => Write("refused", cluster, command, at, json =>
    {
        Names(json, notAllowed);
        json.WriteString("why", why);
    });

    /// <summary>A command has ended at its target.</summary>
    /// <param name="cluster">The target.</param>
    /// <param name="command">What was asked; just what names it when it was cancelled before it came.</param>
    /// <param name="outcome">How it ended.</param>
    /// <param name="mayHaveRun">The cluster may have carried it out before what is told here.</param>
    /// <param name="duration">How long the shim had it; null when it never did.</param>
    /// <param name="at">When.</param>
    public static AuditLine Outcome(string cluster, Command command, Receipt outcome, bool mayHaveRun, TimeSpan? duration, DateTimeOffset at) => Write("outcome", cluster, command, at, json =>
    {
        json.WriteString("outcome", How(outcome, mayHaveRun));
        json.WriteNumber("code", outcome.Code);
        if (outcome.Error.Length > 0) json.WriteString("error", outcome.Error);
        if (duration is { } took) json.WriteNumber("milliseconds", (long)took.TotalMilliseconds);
    });

    /// <summary>A request that came over a stream was answered, or refused.</summary>
    /// <param name="cluster">The target.</param>
    /// <param name="request">What was asked; its uid is this request's alone.</param>
    /// <param name="code">HTTP status of the answer.</param>
    /// <param name="why">Why it was refused; empty when it was not.</param>
    /// <param name="at">When.</param>
    public static AuditLine Live(string cluster, Command request, int code, string why, DateTimeOffset at) => Write("live", cluster, request, at, json =>
    {
        json.WriteNumber("code", code);
        if (why.Length > 0) json.WriteString("why", why);
    });

    /// <summary>Every target of an entry's command has its outcome.</summary>
    /// <param name="cluster">The entry.</param>
    /// <param name="run">The run that is over.</param>
    /// <param name="at">When.</param>
    /// <param name="supersededBy">The generation that took its place; 0 when none did.</param>
    public static AuditLine Over(string cluster, CommandRun run, DateTimeOffset at, long supersededBy = 0) => Write("over", cluster, run.Spec.Command, at, json =>
    {
        json.WriteNumber("targets", run.Targets);
        foreach (var stage in Enum.GetValues<TargetStage>().Where(s => s >= TargetStage.Succeeded && run.Count(s) > 0))
        {
            json.WriteNumber(JsonNamingPolicy.CamelCase.ConvertName(stage.ToString()), run.Count(stage));
        }

        if (supersededBy > 0)
        {
            json.WriteNumber("superseded", run.Superseded);
            json.WriteNumber("supersededBy", supersededBy);
        }
    });

    /// <summary>A cluster was let in by another than the root, or the root has decided about one that was.</summary>
    /// <param name="event"><c>let-in</c>, <c>admitted</c> or <c>not-admitted</c>.</param>
    /// <param name="cluster">Who writes.</param>
    /// <param name="certificate">The provisional certificate: each is told of once.</param>
    /// <param name="why">The root's reason; null when there is none.</param>
    /// <param name="at">When.</param>
    public static AuditLine Joining(string @event, string cluster, ProvisionalCertificate certificate, string? why, DateTimeOffset at)
    {
        var generation = (ulong)certificate.Begin.ToUnixTimeSeconds();
        return Line(KeyOf(@event, certificate.Peer.Uid, generation), json =>
        {
            Head(json, @event, cluster, certificate.Peer.Uid, generation, at);
            json.WriteString("site", certificate.Peer.Name);
            json.WriteString("issuer", certificate.Grant.Issuer.Name);
            json.WriteString("grant", certificate.Grant.Id);
            json.WriteString("token", certificate.Token);
            json.WriteString("end", certificate.End.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
            if (why is not null) json.WriteString("why", why);
        });
    }

    /// <summary>The root shuts a cluster out, or lets it in again.</summary>
    /// <param name="event"><c>revoked</c> or <c>let-in-again</c>.</param>
    /// <param name="cluster">Who writes.</param>
    /// <param name="site">The cluster's name.</param>
    /// <param name="uid">Its uid.</param>
    /// <param name="by">Who did it; null: nobody can tell.</param>
    /// <param name="at">When; to the millisecond it tells one time from another.</param>
    public static AuditLine Shutting(string @event, string cluster, string site, string uid, Requester? by, DateTimeOffset at)
    {
        var generation = (ulong)at.ToUnixTimeMilliseconds();
        return Line(KeyOf(@event, uid, generation), json =>
        {
            Head(json, @event, cluster, uid, generation, at);
            json.WriteString("site", site);
            if (by is not null) Who(json, "by", by);
        });
    }

    /// <summary>A receipt calls executed whatever was answered; who reads the log asks whether the cluster did anything.</summary>
    private static string How(Receipt outcome, bool mayHaveRun) => outcome switch
    {
        { Stage: not Stage.Executed } => outcome.Stage.ToString(),
        { Error: "" or nameof(ShimError.TooLarge) } => "Executed",
        { Error: NotAllowed or NoManagedCluster or nameof(ShimError.UnknownDestination) or nameof(ShimError.UnsupportedMethod) or nameof(ShimError.BadRequest) or nameof(ShimError.Busy) or nameof(ShimError.Refused) }
            when !mayHaveRun => "Refused",
        _ => "Unknown",
    };

    private static void Who(Utf8JsonWriter json, string field, Requester who)
    {
        json.WriteString(field, who.User);
        json.WriteStartArray(field + "Groups");
        foreach (var group in who.Groups) json.WriteStringValue(group);
        json.WriteEndArray();
    }

    /// <summary>The key of a line that stands in a log; null when it is none of ours.</summary>
    public static string? KeyOf(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            using var read = JsonDocument.ParseValue(ref reader);
            var json = read.RootElement;
            return KeyOf(json.GetProperty("event").GetString(), json.GetProperty("uid").GetString(), json.GetProperty("generation").GetUInt64());
        }
        catch (Exception torn) when (torn is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static string KeyOf(string? @event, string? uid, ulong generation) => string.Create(CultureInfo.InvariantCulture, $"{@event} {uid}.{generation}");

    private static void Names(Utf8JsonWriter json, IReadOnlySet<string> notAllowed)
    {
        if (notAllowed.Count == 0)
        {
            return;
        }

        json.WriteNumber("notAllowed", notAllowed.Count);
        json.WriteStartArray("notAllowedClusters");
        foreach (var name in notAllowed.Order(StringComparer.Ordinal).Take(MostNames))
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
    }

    private static AuditLine Write(string @event, string cluster, Command command, DateTimeOffset at, Action<Utf8JsonWriter> more)
    {
        return Line(KeyOf(@event, command.CommandUid, command.Generation), json =>
        {
            Head(json, @event, cluster, command.CommandUid, command.Generation, at);
            json.WriteString("entry", command.Entry);
            Asked(json, command);
            more(json);
        });
    }

    private static void Head(Utf8JsonWriter json, string @event, string cluster, string uid, ulong generation, DateTimeOffset at)
    {
        json.WriteString("time", at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
        json.WriteString("event", @event);
        json.WriteString("cluster", cluster);
        json.WriteString("uid", uid);
        json.WriteNumber("generation", generation);
    }

    private static AuditLine Line(string key, Action<Utf8JsonWriter> content)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            content(json);
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return new AuditLine(key, buffer.WrittenMemory);
    }

    private static void Asked(Utf8JsonWriter json, Command command)
    {
        if (command.DisplayName.Length > 0) json.WriteString("command", command.DisplayName);
        if (command.Requester is { } who)
        {
            json.WriteString("user", who.User);
            json.WriteStartArray("groups");
            foreach (var group in who.Groups) json.WriteStringValue(group);
            json.WriteEndArray();
        }

        // Of a command that somebody on the way did not allow nothing is left but this.
        if (command.Method.Length > 0)
        {
            json.WriteString("destination", command.Destination);
            json.WriteString("method", command.Method);
            json.WriteString("url", command.Url);
            if (CommandAsk.Of(command) is { } ask) json.WriteString("verb", ask.Verb);
            json.WriteNumber("bodyBytes", command.Body.Length);
        }

        if (command.Selector.Length > 0) json.WriteString("selector", command.Selector.Length <= 1024 ? command.Selector : command.Selector[..1024] + "…");
        if (command.Traceparent.Split('-') is [_, var trace, ..]) json.WriteString("trace", trace);
    }
}
