using System.Text.Json.Nodes;
using Google.Protobuf;
using Ote.Cluster.Commands;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Commands;

internal static class Objects
{
    public static readonly DateTimeOffset Start = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>A ClusterController object whose spec has these fields beside the needed ones; null takes a field away.</summary>
    public static JsonObject Command(params (string Field, JsonNode? Value)[] fields)
    {
        JsonObject spec = new() { ["clusterSelector"] = "*", ["method"] = "GET", ["url"] = "/version" };
        foreach (var (field, value) in fields)
        {
            spec.Remove(field);
            if (value is not null)
            {
                spec[field] = value;
            }
        }

        return new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "cmd", ["namespace"] = "ote-system", ["uid"] = "0123456789ab", ["generation"] = 3 },
            ["spec"] = spec,
        };
    }

    public static CommandSpec Spec(params (string Field, JsonNode? Value)[] fields)
    {
        var spec = CommandSpec.Read(Command(fields), "root", namesRequester: true, out var faults);
        Assert.Empty(faults);
        return spec!;
    }

    public static CommandRun Run(params string[] targets) => new(Spec(), targets, Start);

    public static Receipt Receipt(string cluster, Stage stage, int code = 0, string error = "", string body = "") => new()
    {
        Cluster = cluster,
        CommandUid = "0123456789ab",
        Generation = 3,
        Entry = "root",
        Stage = stage,
        Code = code,
        Error = error,
        Body = ByteString.CopyFromUtf8(body),
        ContentType = body.Length > 0 ? "text/plain" : "",
        AtUnixMilliseconds = Start.ToUnixTimeMilliseconds(),
    };
}
