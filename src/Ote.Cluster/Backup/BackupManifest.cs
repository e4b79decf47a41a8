using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Cluster.Backup;

/// <summary>One file of a backup.</summary>
/// <param name="Name">Its path in the data directory, with <c>/</c>.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Of its content, in lower-case hexadecimal.</param>
public sealed record BackupFile(string Name, long Bytes, string Sha256);

/// <summary>What a backup says of itself: its first entry.</summary>
public sealed record BackupManifest
{
    /// <summary>The entry's name.</summary>
    public const string FileName = "manifest.json";

    /// <summary>The layout this version writes and reads.</summary>
    public const int Format = 1;

    /// <summary>Files a backup may have.</summary>
    public const int MostFiles = 32;

    /// <summary>The root's uid.</summary>
    public required string Uid { get; init; }

    /// <summary>By which joining clusters know the tree's CA.</summary>
    public required string CaPin { get; init; }

    /// <summary>What was acknowledged until then is in it.</summary>
    public required DateTimeOffset TakenAt { get; init; }

    /// <summary>Version of the product that wrote it.</summary>
    public required string Version { get; init; }

    /// <summary>What follows, in this order.</summary>
    public required IReadOnlyList<BackupFile> Files { get; init; }

    /// <summary>As it is written.</summary>
    public byte[] ToBytes() => Encoding.UTF8.GetBytes(new JsonObject
    {
        ["format"] = Format,
        ["uid"] = Uid,
        ["caPin"] = CaPin,
        ["takenAt"] = TakenAt.ToUniversalTime().ToString("O", CultureInfo.InvariantCulture),
        ["version"] = Version,
        ["files"] = new JsonArray([.. Files.Select(f => (JsonNode)new JsonObject { ["name"] = f.Name, ["bytes"] = f.Bytes, ["sha256"] = f.Sha256 })]),
    }.ToJsonString());

    /// <summary>Reads what <see cref="ToBytes"/> wrote.</summary>
    /// <exception cref="BackupException">It is no manifest, or one of another format.</exception>
    public static BackupManifest Read(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var json = (JsonObject)JsonNode.Parse(bytes)!;
            if (json.Whole("format") != Format)
            {
                throw new BackupException($"it has format {json["format"]}, and this version reads {Format}; use the version that wrote it ({json.Text("version")})");
            }

            var files = json.Items("files")!.Select(f => new BackupFile(f!.Text("name")!, f!.Whole("bytes") ?? -1, f!.Text("sha256")!)).ToArray();
            return new BackupManifest
            {
                Uid = json.Text("uid")!,
                CaPin = json.Text("caPin")!,
                TakenAt = DateTimeOffset.Parse(json.Text("takenAt")!, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind),
                Version = json.Text("version") ?? "",
                Files = files is { Length: > 0 and <= MostFiles } && files.All(f => f.Bytes >= 0 && IsPlain(f.Name))
                    ? files
                    : throw new BackupException("its list of files cannot be right"),
            };
        }
        catch (Exception broken) when (broken is JsonException or InvalidCastException or InvalidOperationException or NullReferenceException or ArgumentException or FormatException)
        {
            throw new BackupException("it does not begin as a backup does", broken);
        }
    }

    /// <summary>Whether a name leads to a place below a directory, and to one only.</summary>
    private static bool IsPlain(string name) =>
        name.Length is > 0 and <= 100 && name.Split('/').All(part => part.Length > 0 && part[0] != '.' && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'));
}
